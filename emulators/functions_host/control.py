"""The messages between the host's two processes, on a socket pair."""

# Each is one byte. From the worker: it serves; nothing runs in it any more.
READY, DRAINED = b"R", b"E"
# From the parent: accept no new work; abort the responses that still run.
DRAIN, CUT = b"D", b"C"
# The worker's exit code for a start that must not be repeated; it has printed why.
EXIT_START_ERROR = 78
