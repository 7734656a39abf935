"""The functions that call shared/completeness: `reconcile` and `replay` with their orchestrations,
and `dead_letters` for single exchanges. All of their routes are for operators.
"""
