"""Taking the usage chunk out of a stream whose caller did not ask for it.

Whole events pass as they are, and at once; the start of an event whose end has not come waits for
it (a client could do nothing with it). Only the one event that is exactly the usage chunk is left
out. The capture keeps it.
"""

from __future__ import annotations

from typing import Final

from shared.core.wire.cooperative import Cooperative
from shared.core.wire.stream_end import (
    EVENT_END,
    EVENT_ENDS,
    LONGEST_EVENT_END,
    is_usage_chunk,
    may_tell_usage,
)

# An event this long is not the usage chunk: it passes without waiting for its end.
_LONGEST_HELD: Final = 16 * 1024
# bytes of an event's end that its last byte may wait for: CR LF CR
_END_REST: Final = LONGEST_EVENT_END - 1
# Looked into in one go: a millisecond or two where it is made of the smallest events that can be
# told from the usage chunk only by decoding them (3 us each).
SLICE_BYTES: Final = 8 * 1024


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
        searched = max(len(self._held) - _END_REST, 0)  # what is held is less than an event
        data = self._held + piece
        given, self._held = self._without_usage_chunk(
            data, [match.end() for match in EVENT_END.finditer(data, searched)]
        )
        if len(self._held) > (_END_REST if self._inside_long_event else _LONGEST_HELD):
            given, self._held = given + self._held[:-_END_REST], self._held[-_END_REST:]
            self._inside_long_event = True
        return given

    def feed_steps(self, piece: bytes) -> Cooperative[bytes]:
        """The same for a piece that is longer than SLICE_BYTES, with pauses."""
        given, start = [], 0
        while start < len(piece):
            # Behind a whole event, if there is one: most slices then pass at a glance.
            event_end = piece.rfind(b"\n\n", start, start + SLICE_BYTES)
            end = event_end + 2 if event_end >= 0 else start + SLICE_BYTES
            given.append(self.feed(piece[start:end]))
            start = end
            yield
        return b"".join(given)

    def flush(self) -> bytes:
        """What still waited when the stream ended."""
        rest, self._held = self._held, b""
        return rest if self._inside_long_event or not is_usage_chunk(rest) else b""

    def _without_usage_chunk(self, data: bytes, ends: list[int]) -> tuple[bytes, bytes]:
        """What may go of the events that end there, and what stands behind them."""
        kept, start = [], 0
        for end in ends:
            event = data[start:end]
            if self._inside_long_event or not is_usage_chunk(event):
                kept.append(event)
            self._inside_long_event = False
            start = end
        return b"".join(kept), data[start:]
