"""Holding back the very end of a response, for CAPTURE_POLICY=required.

Of an SSE stream that is `[DONE]` or a last event with an SSE name, and all after it. Of any other
response it is the last byte. Everything before passes at once. A stream with neither event, such as
one of images, ends with the response's own terminator, which is held as well.
"""

from __future__ import annotations

import re
from typing import Final

from shared.core.wire.operations import OPERATIONS
from shared.core.wire.stream.stream_end import DONE

_NAMED_LAST_EVENTS: Final = frozenset[str]().union(
    *(spec.last_events for spec in OPERATIONS if spec.has_event_names)
)
# The line with which the end begins.
_LAST_LINES: Final = tuple(
    f"{name}:{space}{value}".encode()
    for space in (" ", "")
    for name, value in (
        ("data", DONE),
        *(("event", event) for event in sorted(_NAMED_LAST_EVENTS)),
    )
)
_LONGEST_LINE: Final = max(map(len, _LAST_LINES))
# After the end of a line, which may be a CR alone: "^" would not match there.
_LAST_LINE: Final = re.compile(rb"(?<=[\r\n])(?:" + b"|".join(map(re.escape, _LAST_LINES)) + b")")


class HeldEnd:
    """Takes what is to be sent and returns what may be sent now."""

    def __init__(self) -> None:
        self.held = b""
        self._passed = b"\n"  # the last byte that passed: a piece may begin in the middle of a line

    def feed(self, piece: bytes, *, is_stream: bool) -> bytes:
        """The bytes that may go to the client now; the rest is added to `held`."""
        data = self.held + piece
        at = _stream_end(self._passed + data) - 1 if is_stream else max(len(data) - 1, 0)
        passing, self.held = data[:at], data[at:]
        self._passed = passing[-1:] or self._passed
        return passing


def _stream_end(data: bytes) -> int:
    """The offset of the last event, or of an incomplete line that may become its first; the length
    of `data` if there is neither.

    The first byte of `data` has passed before.
    """
    match = _LAST_LINE.search(data)
    if match is not None:
        return match.start()
    line_at = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    line = data[line_at:]
    begins = (
        line_at > 0
        and len(line) < _LONGEST_LINE
        and any(last_line.startswith(line) for last_line in _LAST_LINES)
    )
    return line_at if line and begins else len(data)
