"""Who may call.

A request's headers enter; nothing leaves, or the `ApiError` that the caller gets. It states the
signing keys that it needs as a Protocol. It imports settings, core, concurrency and errors.
"""
