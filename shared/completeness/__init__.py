"""Completeness: each captured exchange that is not on the Event Hub is delivered, or listed for an
operator.

In: a window of exchanges (reconcile), a time range (replay, erasure), or one exchange (dead
letters). Out: envelopes on the queue, which enrichment delivers; a report of each window; dead
letters; a receipt of what was erased.

    reconciliation    queues what was captured in a window and not delivered
    replay            delivers a time range again
    dead_letters      lists dead letters, requeues or erases one
    erasure           erases the exchanges of a person over a time range, with a receipt
    erasure_selector  which exchanges of the range those are
    exchange_erasure  erases one exchange, and marks it as erased
    expiry            erases the captures whose retention by a content rule is over
    back_pressure     whether more may be queued now
    redelivery        rebuilds an envelope from its captures
    cut_uploads       makes captures of the blocks that a killed instance left
    ports             what the use cases need of storage

blueprints/completeness calls them, function_app.py gives them their adapters.

May import: shared.core, shared.concurrency, shared.errors. No adapter and no other use case.
"""
