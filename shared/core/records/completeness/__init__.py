"""The records of reconcile, replay, erasure and expiry.

Names and JSON as storage holds them enter; reports, checkpoints and due windows leave.

    report      the completeness of an hour, and how the last run of reconcile went
    checkpoint  the progress of a step of a run
    retention   when captures are erased by a content rule

It may import `shared.core.records.exchange` and `shared.core.wire`.
"""
