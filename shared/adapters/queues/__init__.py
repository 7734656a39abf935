"""The app's queues.

In: envelopes and follow-ups. Out: messages of the queues, how many wait, and the follow-ups that
are due.

    envelope_queue   the queue of envelopes, and its poison queue
    follow_up_queue  the queue of follow-ups

It imports `shared.concurrency`, `shared.core` and `shared.errors`; of the adapters `storage`.
"""
