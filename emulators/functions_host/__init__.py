"""The embedded Azure Functions host: what `func start` does, in Python, with Microsoft's own worker
library.

    __main__         the command line
    app_settings     app settings: local.settings.json, the environment, %names%
    body_limit       the host's limit on a request body without Content-Length
    console          the host's output
    control          the messages between the host's two processes, on a socket pair
    functions        the app's functions by trigger
    head_limits      the limits of a request's head, as the real host's server (Kestrel) has them
    host_json        host.json: what this host supports of it
    http_front       the HTTP trigger
    http_server      uvicorn's HTTP connection, as far as the real host's server (Kestrel) answers
                     otherwise
    invocations      runs invocations, prints and times them
    leases           a journal of the messages that a worker holds, for the next worker
    ncrontab         NCRONTAB schedules
    path_encoding    rewrites a request's path and query as the real host does
    queue_backoff    how long a queue listener waits between polls
    queue_clients    clients of the queue service of a queue trigger
    queue_message    a queue message as the app gets it
    queue_options    the queue settings of host.json
    queue_trigger    the queue trigger
    routes           routes a request to an HTTP function
    supervision      the parent process
    tested_versions  the library versions that this host was tested with
    timer_trigger    the timer trigger
    timespan         the .NET TimeSpan format of durations in host.json and timer schedules
    triggers         opens the triggers other than HTTP for the app's functions
    unsupported      errors that end a start
    worker           the worker process
    worker_library   drives Microsoft's Python worker library, azure-functions-runtime, in this
                     process
    durable/         Durable Functions for the embedded host

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
