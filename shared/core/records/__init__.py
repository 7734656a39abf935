"""The records that storage, queues and the ledger hold.

Bytes and names as storage and queues hold them, and parsed JSON enter. Typed records and the same
bytes again leave. For any bytes, reading raises only the errors that the function names
(EnvelopeError, CaptureError, WrongType, ValueError).

    orchestration  >  completeness | operator | queue  >  delivery  >  exchange

* `exchange` holds the records of one exchange: its id, captures, envelope and outcome.
* `delivery` holds the records of an exchange's delivery.
* `queue` holds the messages of the queues.
* `completeness` holds the reports of reconcile, and the hours in which expiry has work.
* `orchestration` holds what Durable stores of the runs of reconcile, replay and erasure.
* `operator` holds what an operator may request: a replay or an erasure.

A package imports from those to its right only. This one may import `shared.core.wire` and
`shared.errors`. Every use case and the adapters import it.
"""
