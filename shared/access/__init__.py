"""The check of callers.

A request's headers enter. Nothing leaves if the caller is allowed, and otherwise the `ApiError`
that the caller gets. The package imports settings, core, concurrency, ports and errors.

    caller_check      checks a caller's Entra token, and remembers one that holds
    key_renewal       when a tenant's signing keys are fetched
    auth_failure_log  the log of rejected calls, bounded for each error code
"""
