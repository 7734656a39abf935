"""Completeness: each captured exchange that is not on the Event Hub is delivered, or listed for an
operator.

In: a window of exchanges (reconcile), a time range (replay, erasure), or one exchange (dead
letters). Out: envelopes on the queue, which enrichment delivers; a report of each window; dead
letters; a receipt of what was erased.

    reconciliation       queues the exchanges that were captured in a window and not delivered
    window_run           one attempt at one window: the missing exchanges, and the report
    replay               delivers a time range again
    dead_letters         lists dead letters, requeues or erases one
    erasure              erases the exchanges of a person over a time range, with a receipt
    erasure_page_runner  selects and erases the exchanges of one page
    exchange_erasure     erases one exchange, and marks it as erased
    expiry               erases the captures whose retention by a content rule is over
    back_pressure        whether more may be queued now
    redelivery           finds an exchange's captures, completes cut uploads, rebuilds the envelope
    window_listing       lists the captured exchanges of a window, step by step
    stored_checkpoint    the progress of a step, for the next attempt

blueprints/completeness calls them, function_app.py gives them their adapters.

May import: shared.core, shared.concurrency, shared.ports, shared.errors. No adapter and no other
use case.
"""
