"""What is stored, and what is decided about it.

In: bytes and names as storage and queues hold them, and parsed JSON. Out: typed records, the same
bytes again, and decisions as values. Whatever bytes come in, reading raises only what the function
names (EnvelopeError, CaptureError, WrongType, ValueError).

    exchange_id, window             an exchange's identity, and the hour that it belongs to
    envelope, capture, outcome      what is recorded of an exchange; `aborted` makes an envelope
                                    of a request capture alone
    retention                       when captures are erased by a content rule
    piece_times                     when the pieces of a response arrived
    unstored_body                   what is kept of a body that must not be stored
    envelope_message                a message of the queue: one envelope or several
    follow_up                       a background response whose end the app has to see
    ledger_entry, dead_letter       what became of its event
    digests, first_digests          SHA-256 of captures and event, and what the ledger has of them
    comparison, id_set, checkpoint  completeness: what was captured and not delivered
    acceptance, reconcile_run       how delivery and reconcile go
    recent_ids                      a bounded memory of exchange ids
    first_entries                   which worker delivered an exchange first
    poison, backlog                 what to do with a message, or with a queue
    replay_request                  what an operator wants delivered again
    erasure_request                 what an operator wants erased; operator_request has what both
                                    requests share
    erasure_receipt                 who erased what, and what of it is out of reach
    delivery_summary                what the log reports of delivered exchanges
    typed_json                      reads a dataclass from JSON and checks every field

It may import `shared.core.content`, `shared.core.wire` and `shared.errors`. Every use case and
the adapters import it.
"""
