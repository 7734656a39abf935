"""Tools that drive and observe a stack from outside.

    account_pool            a stand-in for the pool of Azure OpenAI accounts on API Management
    chat                    chat completion requests
    chromium                a Chromium of the machine, for tests of the page
    cutting                 ways in which a network may deliver bytes
    entra                   a stand-in for a tenant of Microsoft Entra
    entra_tokens            tokens of a tenant of Microsoft Entra
    envelope_queue          the queue of envelopes as an operator sees it
    event_hubs_emulator     starts the Event Hubs emulator, and receives from it with the real SDK
    event_log               the Event Hub's events, received in a thread
    functions_host_process  starts a Functions host, the embedded or the real one, for a scratch
                            app, and Azurite
    hostile_requests        requests that no well-meaning client sends, byte for byte, and what each
                            Functions host answers
    http_client             an HTTP client that sends exactly the given bytes, and records every
                            byte that comes back with its time of arrival
    logs                    logging during tests
    loop_thread             an event loop in a thread of its own, for parts that serve beside a
                            test's synchronous code
    memory_json_store       a JsonStore in memory, in place of the blobs
    node                    Node.js, as local/install installed it, and the tools of the page's
                            tests
    otlp_receiver           a collector's OTLP/HTTP receiver
    privacy                 texts that must not appear outside the captures and the events
    sample_envelope         a valid envelope, for tests and proofs that do not depend on its content
    scheduling              which tests run on one worker, and in which order
    schema                  validates events against the schema, and by rules that it cannot express
    stand_in_process        starts the Azure OpenAI stand-in for a test, calls it, and parses its
                            responses
    tools                   tools that a test may need and a machine may lack
    upstream_record         the requests that reached the upstream
    view_process            the page's server as a process of its own beside a stack, as `make run`
                            starts it
    view_server             the page's server, for tests
    waiting                 polling until a condition holds, with a deadline

They are a client that sees every byte, the upstream's record of its calls, the events that arrive,
the queue of envelopes, the check that nothing private is printed, the processes that a test starts
by themselves (Functions host, stand-in, Event Hubs emulator, Azurite), and a stand-in for Microsoft
Entra.

A tool belongs in the narrowest room that all its users share:

    a test's module             used by that module alone
    its folder                  used by modules of one folder, e.g. tests/integration/upstream
    tests/integration/support   used by several folders of integration tests: the relay, the stores
                                and misbehaving servers around the app's parts
    tests/support               used by several kinds of tests: fakes, and tables of the whole app
    harness                     used by proofs or benchmarks as well as tests

`tests` and `prove` both build on it, and do not import each other. It imports `emulators`,
`local`, `shared` and `view`. Nothing here is deployed.
"""
