"""What the host's two processes say to each other, over a socket pair."""

# One byte each. From the worker: it serves; nothing runs in it any more.
READY, DRAINED = b"R", b"E"
# From the parent: take no new work; break off the responses that still run.
DRAIN, CUT = b"D", b"C"
# The worker's exit code for a start that must not be tried again; it has printed why.
EXIT_START_ERROR = 78
