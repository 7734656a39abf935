"""The check of callers.

A request's headers enter. Nothing leaves if the caller is allowed, and otherwise the `ApiError`
that the caller gets. The package states the signing keys that it needs as a Protocol. It imports
settings, core, concurrency and errors.
"""
