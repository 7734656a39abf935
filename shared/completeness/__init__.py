"""Completeness: each captured exchange that is not on the Event Hub is delivered, or listed for an
operator.

In: a window of exchanges (reconcile), a time range (replay), or one exchange (dead letters). Out:
envelopes on the queue, which enrichment delivers; a report of each window; dead letters.

`reconciliation`, `replay` and `dead_letters` are the use cases, `back_pressure` says whether more
may be queued now, `redelivery` rebuilds an envelope from its captures, `ports` states what they
need of storage. blueprints/completeness calls them, function_app.py gives them their adapters.

May import: shared.core, shared.concurrency, shared.errors. No adapter and no other use case.
"""
