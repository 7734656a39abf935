"""Holding back the very end of an answer, for CAPTURE_POLICY=required.

Of an SSE stream that is `[DONE]` or the Responses API's last event, and what follows it; of
anything else the last byte. All else passes at once. (A stream that has neither, such as one of
images, ends with the response's own terminator, which is held as well.)
"""

from __future__ import annotations

import re
from typing import Final

from shared.core.wire.stream_end import DONE, LAST_RESPONSE_EVENTS

# The line with which the end begins.
_MARKS: Final = tuple(
    f"{name}:{space}{value}".encode()
    for space in (" ", "")
    for name, value in (
        ("data", DONE),
        *(("event", event) for event in sorted(LAST_RESPONSE_EVENTS)),
    )
)
_LONGEST_MARK: Final = max(map(len, _MARKS))
# Behind a line's end, which may be a CR alone: "^" would not see that.
_LAST_EVENT: Final = re.compile(rb"(?<=[\r\n])(?:" + b"|".join(map(re.escape, _MARKS)) + b")")


class HeldEnd:
    """Feed it what is to be sent; it gives what may go now. `held` is the rest."""

    def __init__(self) -> None:
        self.held = b""
        self._passed = b"\n"  # the last byte that passed: a piece may begin in the middle of a line

    def feed(self, piece: bytes, *, is_stream: bool) -> bytes:
        """What may go to the client now."""
        data = self.held + piece
        at = _stream_end(self._passed + data) - 1 if is_stream else max(len(data) - 1, 0)
        passing, self.held = data[:at], data[at:]
        self._passed = passing[-1:] or self._passed
        return passing


def _stream_end(data: bytes) -> int:
    """Where the last event begins, or a line that may become it; the length where neither is in
    sight.

    Of `data` the first byte is the one before.
    """
    match = _LAST_EVENT.search(data)
    if match is not None:
        return match.start()
    line_at = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    line = data[line_at:]
    begins = (
        line_at > 0 and len(line) < _LONGEST_MARK and any(mark.startswith(line) for mark in _MARKS)
    )
    return line_at if line and begins else len(data)
