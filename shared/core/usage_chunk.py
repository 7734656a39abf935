"""Taking the usage chunk out of a stream whose caller did not ask for it.

Whole events pass as they are, and at once; the start of an event whose end has not come waits for it (a client could do
nothing with it). Only the one event that is exactly the usage chunk is left out. The capture keeps it.
"""

from __future__ import annotations

from typing import Final

from shared.core.stream_end import EVENT_END, EVENT_ENDS, LONGEST_EVENT_END, is_usage_chunk, may_tell_usage

# An event this long is not the usage chunk: it passes without waiting for its end.
_LONGEST_HELD: Final = 64 * 1024
_END_REST: Final = LONGEST_EVENT_END - 1  # bytes of an event's end that its last byte may wait for: CR LF CR


class UsageChunkFilter:
    """Feed it the upstream's pieces; it gives what the client is to get, maybe nothing."""

    def __init__(self) -> None:
        self._held = b""
        self._inside_long_event = False

    def feed(self, piece: bytes) -> bytes:
        """What may go to the client now."""
        if not self._held and piece.endswith(EVENT_ENDS) and not may_tell_usage(piece):
            self._inside_long_event = False
            return piece
        data = self._held + piece
        end = _last_event_end(data)
        whole, self._held = data[:end], data[end:]
        given = self._without_usage_chunk(whole)
        if len(self._held) > (_END_REST if self._inside_long_event else _LONGEST_HELD):
            given, self._held = given + self._held[:-_END_REST], self._held[-_END_REST:]
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
        for match in EVENT_END.finditer(whole):
            event = whole[start : match.end()]
            if self._inside_long_event or not is_usage_chunk(event):
                kept.append(event)
            self._inside_long_event = False
            start = match.end()
        return b"".join(kept)


def _last_event_end(data: bytes) -> int:
    end = 0
    for match in EVENT_END.finditer(data):
        end = match.end()
    return end
