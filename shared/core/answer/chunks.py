"""The JSON chunks of an SSE body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from shared.core.wire.json_shape import JsonObject, parse
from shared.core.wire.sse import SseDecoder, SseEvent
from shared.core.wire.stream_end import DONE

# Read between two pauses: half a millisecond of ordinary chunks, one where every byte is a line.
_WINDOW_BYTES: Final = 4 * 1024


# A frozen dataclass takes longer to make: a named tuple takes three fifths of the time (measured).
class Chunk(NamedTuple):
    """One event whose data is a JSON object."""

    document: JsonObject
    event: str  # the SSE event's name; "message" where there is none
    end: int  # offset in the body of the first byte after the event


class ChunkStream:
    """The chunks of one body."""

    def __init__(self) -> None:
        # events that hold no JSON object; complete once `read` has ended
        self.unreadable = 0

    def read(self, pieces: Iterable[bytes]) -> Iterator[Chunk | None]:
        """The chunks in order, and None after each few KB, where the caller may pause.

        An event that the end of the body cuts does not count as unreadable.
        """
        decoder = SseDecoder()
        for window in _windows(pieces):
            for event in decoder.feed(window):
                if event.data == DONE:
                    continue
                chunk = _chunk(event)
                if chunk is None:
                    self.unreadable += 1
                else:
                    yield chunk
            yield None
        tail = decoder.tail()
        cut = _chunk(tail) if tail is not None else None
        if cut is not None:
            yield cut


def _chunk(event: SseEvent) -> Chunk | None:
    document = parse(event.data)
    if not isinstance(document, dict):
        return None
    return Chunk(document=document, event=event.event, end=event.end)


def _windows(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), _WINDOW_BYTES):
            yield piece[start : start + _WINDOW_BYTES]
