"""The records of the delivery of an exchange's event.

Names and lines of the ledger enter; entries, indexes and dead letters leave.

    ledger_entries  the entries of the ledger, and an index of a window's
    first_entries   who delivered an exchange first, and the digests of that delivery
    id_sets         a compact set and a bounded memory of exchange ids
    dead_letter     an event that cannot be delivered, the reason, and how often it failed

It may import `shared.core.records.exchange` and `shared.core.wire`.
"""
