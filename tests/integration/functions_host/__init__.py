"""The Functions host: the same tests for the embedded host and for `func start`.

Both serve `functions_host_app.py` and `durable_app.py` as processes. Microsoft's worker library is
the installed one. Tests of the real host are skipped without it.
"""
