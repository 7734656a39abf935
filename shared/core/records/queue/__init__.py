"""The messages of the queues.

Messages as the queues hold them enter; envelopes and follow-ups leave.

    envelope_message   a message of the envelope queue: one envelope or several
    follow_up          a background response whose end the app has to see

It may import `shared.core.records.exchange`, `shared.core.wire` and `shared.errors`.
"""
