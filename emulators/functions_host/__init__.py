"""The embedded Azure Functions host: what `func start` does, in Python, with Microsoft's own worker
library.

The host is two processes. The parent (`supervision`) holds the listening socket and starts the
child again when it dies; the child (`worker`) indexes the app through azure-functions-runtime and
runs HTTP, queue and timer triggers and Durable Functions (`durable`). What this host lacks, it
refuses by name (`unsupported.Unsupported`); it ignores nothing silently. It uses internals of
several libraries, and warns about versions that it was not tested with (`tested_versions`).

Refused: triggers and bindings other than HTTP, queue, timer and Durable's; HTTP functions without
the FastAPI extension; retry policies; route constraints other than int, alpha, guid; unknown
sections of host.json and local.settings.json. It differs from `func start` on purpose: a chunk
passes one process less, so bodies arrive in smaller pieces; a caller's x-ms-invocation-id is
replaced; timers keep no status over a restart; a changed file does not restart the worker; a break
in the middle of a response closes the connection instead of resetting it.
"""
