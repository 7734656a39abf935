"""Proofs that nothing is lost.

    __main__            the command line
    azurite_killed      proof 3 with `kill -9`: Azurite is killed under load
    background          work in the background
    catalogue           all proofs by name
    comparison          the comparison that ends each proof
    dispositions        the disposition of each exchange that a client sent
    dropped_responses   storage carries requests out, and their responses are lost
    empty_responses     responses without a body, with either status and policy
    envelope_leases     the queue of envelopes, and the leases on it that a killed host leaves
    event_rules         rules for the content of an event, by what its client and the upstream saw
    evidence            the evidence at the end of a proof
    exchange_views      joins what clients, upstream and events say of the same exchange
    fault_injector      random faults, one after the other
    gate                a TCP relay in front of one of Azurite's ports
    gated_connection    one connection of the app to storage, moved byte for byte through a gate
    kills               proof 1: `kill -9` at every moment of an exchange
    large_prompts       kill -9 while large prompts are on their way
    load                clients that call, and record what they observe
    memory              the memory that reconciling a window of a million exchanges takes
    observation         one exchange as its client observed it
    one_shot            concurrent calls, each in a thread of its own
    operator_api        the actions of an operator
    outages             proofs 2 and 3: the Event Hub or storage is away
    policies            measures what each CAPTURE_POLICY costs and risks
    queue_faults        proof 4: messages are repeated, shuffled, and garbage
    random_faults       proof 5: random faults under load
    receipts            pop receipts in the responses of a queue
    reconciles_at_once  ten POST /ops/reconcile at the same moment
    replays             a replay, end to end, on a host that is killed meanwhile
    report              writes docs/explanation/proof.md
    request_faults      faults of single requests to storage
    result              the result of a proof
    resumable_run       a run of the proofs that can be interrupted
    samples             measurements of exchanges with one capture policy, and their summary
    shutdown            SIGTERM to a host while streams and calls run
    stopped_in_outage   storage is down, exchanges end meanwhile, and the host is stopped with
                        SIGTERM before storage is back
    testbed             the stack that proofs run on
    upstream_calls      the calls that reached the upstream, as the stand-in for Azure OpenAI
                        recorded them
    hostile/            the effect of hostile clients and a hostile upstream on everybody else
    planted/            plants secrets in every part of an exchange, and looks for them everywhere
    tests/              shortened proofs, and the unit tests of the modules here

Each proof injects faults into a real stack (`testbed`) under the load of its clients (`load`). Then
it runs reconcile, and compares the clients' observations with the captures, the ledger and the
events on the Event Hub (`comparison`). `python -m prove --list` lists the proofs (`catalogue`).

Two are about something else: `hostile` about what hostile clients and a hostile upstream do to
others, `planted` about where secrets of prompts, answers and headers turn up.

It imports harness, local and shared. prove/tests holds shortened proofs, and the unit tests of the
modules here.
"""
