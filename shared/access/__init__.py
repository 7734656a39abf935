"""The check of callers.

A request's headers enter. Nothing leaves if the caller is allowed, and otherwise the `ApiError`
that the caller gets. The package states the signing keys that it needs as a Protocol. It imports
settings, core, concurrency and errors.

    caller_check      checks a caller's Entra token, and remembers one that holds
    key_renewal       when a tenant's signing keys are fetched
    auth_failure_log  the log of rejected calls, bounded for each error code
"""
