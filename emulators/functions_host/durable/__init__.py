"""Durable Functions for the embedded host: a small engine that runs the app's orchestrators with
azure-functions-durable.

    calls               calls the app's orchestrators and activities through the worker library
    durable_trigger     Durable Functions as one of the host's triggers
    engine              runs orchestrations
    events              history events, as the Durable extension passes them to
                        azure-functions-durable
    execution           one generation of an orchestration
    functions           the app's Durable functions
    instance            an orchestration instance
    links               the management URLs of an instance, and the value of a durableClient binding
    management          the management URLs and the client library's endpoint
    options             host.json's extensions.durableTask
    orchestrator_state  the state that an orchestrator returns after a run over its history
    query               the query of a request about many instances
    store               stores instances in a SQLite file, so that they survive worker and host

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
