"""Taking the usage chunk out of a stream whose caller did not ask for it.

Complete events pass at once, as they are. The beginning of an event waits for its end, because a
client can do nothing with it before. Only the event that is exactly the usage chunk is left out;
the capture keeps it.
"""

from __future__ import annotations

from typing import Final

from shared.core.wire.steps import Cooperative
from shared.core.wire.stream.stream_end import (
    EVENT_END,
    EVENT_ENDS,
    LONGEST_EVENT_END,
    is_usage_chunk,
    may_hold_usage_chunk,
)

# An event longer than this is not the usage chunk, and passes without waiting for its end.
LONGEST_HELD: Final = 16 * 1024
# The bytes of an event's end that may precede its last one: CR LF CR.
_END_REST: Final = LONGEST_EVENT_END - 1
# Searched without a pause. It takes a millisecond or two if it is made of the smallest events
# that have to be decoded to be distinguished from the usage chunk (3 us each).
SLICE_BYTES: Final = 8 * 1024


class UsageChunkFilter:
    """Takes the upstream's pieces and returns what the client is to get of them."""

    def __init__(self) -> None:
        self._held = b""
        self._inside_long_event = False

    def feed(self, piece: bytes) -> bytes:
        """The bytes that may go to the client now; b"" if none may."""
        if not self._held and piece.endswith(EVENT_ENDS) and not may_hold_usage_chunk(piece):
            self._inside_long_event = False
            return piece
        searched = max(len(self._held) - _END_REST, 0)  # what is held is less than an event
        data = self._held + piece
        output, self._held = self._without_usage_chunk(
            data, [match.end() for match in EVENT_END.finditer(data, searched)]
        )
        if len(self._held) > (_END_REST if self._inside_long_event else LONGEST_HELD):
            output, self._held = output + self._held[:-_END_REST], self._held[-_END_REST:]
            self._inside_long_event = True
        return output

    def feed_steps(self, piece: bytes) -> Cooperative[bytes]:
        """`feed` with pauses, for a piece longer than SLICE_BYTES."""
        output, start = [], 0
        while start < len(piece):
            # Cut after a complete event if there is one: most slices then pass without a search.
            event_end = piece.rfind(b"\n\n", start, start + SLICE_BYTES)
            end = event_end + 2 if event_end >= 0 else start + SLICE_BYTES
            output.append(self.feed(piece[start:end]))
            start = end
            yield
        return b"".join(output)

    def flush(self) -> bytes:
        """The bytes that were held back when the stream ended, without the usage chunk."""
        rest, self._held = self._held, b""
        return rest if self._inside_long_event or not is_usage_chunk(rest) else b""

    def _without_usage_chunk(self, data: bytes, ends: list[int]) -> tuple[bytes, bytes]:
        """The events that end at `ends` without the usage chunk, and what follows them."""
        output, start = [], 0
        for end in ends:
            event = data[start:end]
            if self._inside_long_event or not is_usage_chunk(event):
                output.append(event)
            self._inside_long_event = False
            start = end
        return b"".join(output), data[start:]
