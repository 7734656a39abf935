"""The messages between the host's two processes, on a socket pair."""

from __future__ import annotations

from typing import Final

# One byte each, from the worker.
READY: Final = b"R"  # it serves
DRAINED: Final = b"E"  # nothing runs in it any more
# One byte each, from the parent.
DRAIN: Final = b"D"  # accept no new work
CUT: Final = b"C"  # abort the responses that still run
# The worker's exit code for a start that must not be repeated; it has printed why.
EXIT_START_ERROR: Final = 78
