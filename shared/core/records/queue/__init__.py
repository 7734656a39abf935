"""The messages of the queues, and the decisions about a message or a queue.

Messages as the queues hold them and counts of messages enter; envelopes, follow-ups and decisions
leave.

    envelope_message   a message of the envelope queue: one envelope or several
    follow_up          a background response whose end the app has to see
    poison             what to do with a message that failed too often
    backlog            whether a queue is so long that new work must wait

It may import `shared.core.records.delivery`, `shared.core.records.exchange`, `shared.core.wire`
and `shared.errors`.
"""
