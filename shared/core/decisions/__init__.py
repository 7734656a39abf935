"""The decisions of the use cases beside the relay and the content policy, as values.

Records, counts and moments enter; a decision and its reason leave. None of them needs I/O, a clock
or randomness: the use case reads those, and carries the decision out.

    polling            whether and when to poll a background response again
    poison             what to do with a message that failed too often
    backlog            whether a queue is so long that new work must wait
    acceptance         whether the Event Hub accepts events now
    missing_exchanges  where they are looked for, and which ones the ledger does not know
    erasure            whether an exchange of a range is erased

It may import `shared.core.records`, which holds what is decided about, and `shared.core.wire`.
"""
