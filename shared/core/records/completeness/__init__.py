"""The records of reconcile: captured exchanges that were not delivered.

Names of captures, entries of the ledger and stored JSON enter; missing exchanges, checkpoints and
summaries leave.

    comparison      compares the captures of an hour with the ledger's entries
    report          the completeness of an hour, as an auditor reads it
    id_set          a compact set of exchange ids
    checkpoint      the progress of a step of a run
    reconcile_run   how the last run of reconcile went
    retention       when captures are erased by a content rule

It may import `shared.core.records.delivery`, `shared.core.records.exchange` and
`shared.core.wire`.
"""
