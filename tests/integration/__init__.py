"""Parts of the app against real parts: sockets, Azurite, emulators, child processes, SDKs.

The folders follow the parts of the app:

    relay           what a client gets for its request
    recording       what the relay stores of an exchange
    upstream        the HTTP client that calls Azure OpenAI
    content         what of a body may be stored
    enrichment      from an envelope to an event that the Event Hub accepted
    following       background responses, and whose usage counts
    completeness    no exchange is lost: reconcile, replay, erasure, expiry, dead letters
    storage         the adapters of blobs and queues
    access          who may call which function
    telemetry       spans and metrics for a collector
    dependencies    every wait on a dependency has a bound, and readiness says what is away

Of what engineers run beside the app:

    functions_host  the embedded Functions host, compared with the real one
    emulators       the Event Hubs emulator and the stand-in for Azure OpenAI
    tools           the page's server, the export, the stack's supervisor, the logs of test runs

`support` has what several of them use.
"""
