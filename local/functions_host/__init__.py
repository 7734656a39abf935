"""The embedded Azure Functions host: what `func start` does, in Python, on Microsoft's own worker library.

The host is two processes. The parent (`supervision`) holds the listening socket and starts the child again when it dies;
the child (`worker`) indexes the app through azure-functions-runtime and runs HTTP, queue and timer triggers.
What this host lacks it refuses by name (`unsupported.Unsupported`); nothing is silently ignored.
"""
