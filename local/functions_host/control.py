"""What the host's two processes say to each other, over a socket pair."""

# One byte each: the worker serves; the parent wants it to take no new work; nothing runs in it any more.
READY, DRAIN, DRAINED = b"R", b"D", b"E"
# The worker's exit code for a start that must not be tried again; it has printed why.
EXIT_START_ERROR = 78
