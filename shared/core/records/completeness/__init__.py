"""The records of reconcile and expiry.

Names and JSON as storage holds them enter; reports and due windows leave.

    report     the completeness of an hour, and how the last run of reconcile went
    retention  when captures are erased by a content rule

It may import `shared.core.records.exchange` and `shared.core.wire`.
"""
