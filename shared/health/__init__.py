"""Health: whether the app can reach its dependencies, and how delivery goes.

Probes enter (each raises one of `shared.errors`); a state for each leaves, by `readiness`. `status`
reads what operators ask for: what waits, what failed and why. The package imports core's records,
errors and settings alone.
"""
