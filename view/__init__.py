"""The view: a page that shows the exchanges of an Event Hub as they arrive, and its server.

It is a consumer like any other: it reads the Event Hub, keeps what it reads in a SQLite file, and
reads captures from Blob storage for detail. It is not part of the app and is never deployed with
it.

    exchange    what is shown of one exchange: row, timeline, usage, capture (pure)
    filters     the filter line: grammar, as SQL, as a test of one row (pure)
    store       the SQLite file
    sources     the Event Hub's events, the captures
    run_links   the links of runs that a client of the app started
    server      the page's address: files, API, live updates
    page        the page itself: ES modules without a build step
    errors      every exception that is raised on purpose
    options     the command line and the environment
    __main__    `python -m view`
"""
