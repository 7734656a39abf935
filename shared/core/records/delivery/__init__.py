"""The records of the delivery of an exchange's event.

Names and lines of the ledger, envelopes and delivery times enter; entries, dead letters and
summaries leave.

    ledger_entry       an event that the Event Hub has accepted
    ledger_index       the exchanges of a window that the ledger knows
    id_set             a compact set of exchange ids, of which an index consists
    first_entries      which worker delivered an exchange first
    first_digests      the digests that the ledger recorded first
    recent_ids         a bounded memory of exchange ids
    dead_letter        an event that cannot be delivered, and the reason
    failure_count      how often an event could not be built
    delivery_summary   the log's summary of delivered exchanges

It may import `shared.core.records.exchange` and `shared.core.wire`.
"""
