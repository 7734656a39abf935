"""Microsoft's Python worker, whose process the app runs in.

In: the worker library as it is installed. Out: the library patched where it would hold or lose
invocations, and a sentence that names each deviation.

    worker_library    the patches, and the versions that they were tested with
    http_invocations  patches of how the library pairs a request with its invocation
    worker_process    the worker's log lines and its garbage collector

It imports `shared.http` and `shared.errors`, and no other adapter.
"""
