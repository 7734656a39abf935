"""The ledger: which exchanges the Event Hub has accepted, and the records beside it.

In: accepted exchanges, dead letters, reports. Out: the same records by the hour of their exchange.

    delivery_ledger    the exchanges that the Event Hub has accepted from this worker
    index_reader       what the ledger of an hour says of each exchange
    dead_letter_store  exchanges that can never be delivered, until they are requeued
    erasure_marks      exchanges that are erased
    report_store       the report of each hour
    entry_blobs        appends entries, many exchanges with one call, and reads their blobs
    first_entries      reads the first entries of exchanges

It imports `shared.concurrency`, `shared.core`, `shared.ports` and `shared.errors`; of the adapters
`storage` and `blobs`.
"""
