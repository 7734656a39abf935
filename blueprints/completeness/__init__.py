"""The functions that call shared/completeness: `reconcile`, `replay` and `erase` with their
orchestrations, `dead_letters` for single exchanges, and `expiry` by a timer. All of their routes
are for operators.

In: requests of operators, ticks of timers, and Durable's calls of orchestrations and activities.
Out: JSON responses, and the states of runs, which Durable stores.

May import: shared but no adapter, blueprints.access, blueprints.operator_http.
"""
