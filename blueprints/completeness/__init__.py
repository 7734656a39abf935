"""The functions that call shared/completeness: `reconcile`, `replay` and `erase` with their
orchestrations, and `dead_letters` for single exchanges. All of their routes are for operators.
"""
