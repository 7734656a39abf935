"""Whether the app reaches what it needs.

Probes enter (each raises one of `shared.errors`); a state for each leaves. It imports errors and
settings alone.
"""
