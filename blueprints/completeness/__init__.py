"""The functions that call shared/completeness: `reconcile`, `replay` and `erase` with their
orchestrations, `dead_letters` for single exchanges, and `expiry` by a timer. All of their routes
are for operators.
"""
