"""The ledger: which exchanges the Event Hub has accepted, and the records beside it.

In: accepted exchanges, dead letters, reports. Out: the same records by the hour of their exchange.

    ledger         the entries of each hour, dead letters, marks of erasure, and reports
    appender       appends entries, many exchanges with one call
    entry_blobs    lists the blobs of entries
    first_entries  reads who delivered an exchange first

It imports `shared.concurrency`, `shared.core` and `shared.errors`; of the adapters `storage` and
`blobs`.
"""
