"""Durable Functions for the embedded host: a small engine that runs the app's orchestrators with
azure-functions-durable.

`execution` is one generation of an orchestration, `instance` is the instance across generations;
both are without I/O. `engine` runs them, `store` keeps them in SQLite, `management` answers the
management URLs and the client library's calls.

Refused by name: sub-orchestrations, entities, durable HTTP calls, rewind, restart, suspend and
resume, versions, other task hubs, unknown settings of host.json's extensions.durableTask. It
differs from the real host on purpose: a timer never fires early (there up to a second, its queue
counts in seconds); terminate takes effect at once; a call of an activity that does not exist fails
the orchestration (there it never ends); a failed activity's details are Python's stack alone; codes
in management URLs are not checked (nor does `func start`).
"""
