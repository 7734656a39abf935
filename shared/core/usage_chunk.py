"""Taking the usage chunk out of a stream whose caller did not ask for it.

Whole events pass as they are, and at once; the start of an event whose end has not come waits for it (a client could do
nothing with it). Only the one event that is exactly the usage chunk is left out. The capture keeps it.
"""

from __future__ import annotations

import re
from typing import Final

from shared.core.json_shape import parse_object
from shared.core.sse import decode

# An event this long is not the usage chunk: it passes without waiting for its end.
_LONGEST_HELD: Final = 64 * 1024
_BLANK_LINE_REST: Final = 3  # bytes of a blank line that its last byte may wait for: CR LF CR
_BLANK_LINES: Final = (b"\n\n", b"\r\r", b"\n\r\n")
_EVENT_END: Final = re.compile(rb"\n\r?\n|\r\r|\r\n\r\n")
_USAGE_OBJECT: Final = re.compile(rb'"usage"\s*:\s*\{')


class UsageChunkFilter:
    """Feed it the upstream's pieces; it gives what the client is to get, maybe nothing."""

    def __init__(self) -> None:
        self._held = b""
        self._inside_long_event = False

    def feed(self, piece: bytes) -> bytes:
        """What may go to the client now."""
        if not self._held and piece.endswith(_BLANK_LINES) and not _may_tell_usage(piece):
            self._inside_long_event = False
            return piece
        data = self._held + piece
        end = _last_event_end(data)
        whole, self._held = data[:end], data[end:]
        given = self._without_usage_chunk(whole)
        if len(self._held) > (_BLANK_LINE_REST if self._inside_long_event else _LONGEST_HELD):
            given, self._held = given + self._held[:-_BLANK_LINE_REST], self._held[-_BLANK_LINE_REST:]
            self._inside_long_event = True
        return given

    def flush(self) -> bytes:
        """What still waited when the stream ended."""
        rest, self._held = self._held, b""
        return rest

    def _without_usage_chunk(self, whole: bytes) -> bytes:
        if not whole:
            return b""
        kept, start = [], 0
        for match in _EVENT_END.finditer(whole):
            event = whole[start : match.end()]
            if self._inside_long_event or not _is_usage_chunk(event):
                kept.append(event)
            self._inside_long_event = False
            start = match.end()
        return b"".join(kept)


def _may_tell_usage(piece: bytes) -> bool:
    """Cheap, and true too often rather than too seldom: every chunk passes here."""
    return piece.count(b'"usage"') != piece.count(b'"usage":null')


def _last_event_end(data: bytes) -> int:
    end = 0
    for match in _EVENT_END.finditer(data):
        end = match.end()
    return end


def _is_usage_chunk(event: bytes) -> bool:
    if _USAGE_OBJECT.search(event) is None:
        return False
    decoded = [parse_object(sse.data) for sse in decode(event)]
    return len(decoded) == 1 and decoded[0].get("choices") == [] and isinstance(decoded[0].get("usage"), dict)
