"""Health: whether the app can reach its dependencies.

Probes enter (each raises one of `shared.errors`); a state for each leaves, by `readiness`. The
package imports
errors and settings alone.
"""
