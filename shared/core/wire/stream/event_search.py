"""Finding events in bytes without decoding all of them.

The bytes are those of an SSE stream whose lines end in LF. A byte order mark at their beginning is
part of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.core.wire.stream.sse import SseDecoder, SseEvent
from shared.core.wire.stream.stream_end import MARKS, USAGE_OBJECT

_END: Final = b"\n\n"  # of an event
_MAX_MARKED: Final = 1000  # events: more take several milliseconds to read
_MAX_WITH_USAGE: Final = 32


def marked_events(data: bytes) -> tuple[list[bytes], bool]:
    """The last events that hold a mark, and whether these are all. `data` begins with an event."""
    spans = sorted({span for mark in MARKS for span in _spans(data, mark)})
    return [data[start:end] for start, end in spans[-_MAX_MARKED:]], len(spans) <= _MAX_MARKED


def _spans(data: bytes, mark: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """The beginning and the end of each event that holds this mark."""
    at = 0
    while (match := mark.search(data, at)) is not None:
        start = event_start(data, at, match.start())
        at = event_end(data, match.start()) or len(data)
        yield start, at


def with_usage(data: bytes) -> Iterator[bytes]:
    """The last events with a usage object, from the last one on, and not too many."""
    start = len(data)
    for mark in reversed([*USAGE_OBJECT.finditer(data)][-_MAX_WITH_USAGE:]):
        if mark.start() < start:
            start = event_start(data, 0, mark.start())
            yield data[start : event_end(data, mark.start())]


def event_start(data: bytes, start: int, at: int) -> int:
    """The beginning of the event that holds the byte at `at`, or `start` if that is later."""
    end = data.rfind(_END, start, at)
    return start if end < 0 else end + len(_END)


def event_end(data: bytes, at: int) -> int | None:
    """The end of the event that holds the byte at `at`; None if its end has not come."""
    end = data.find(_END, at)
    return None if end < 0 else end + len(_END)


def complete_bytes(data: bytes) -> int:
    """How many bytes, from the first one on, are complete events."""
    return data.rfind(_END) + len(_END) if _END in data else 0


def decode(data: bytes) -> Iterator[SseEvent]:
    """Decode the complete events."""
    return SseDecoder().feed(b"\n" + data)


def decode_open(data: bytes) -> SseEvent | None:
    """Decode the event that begins here, whether or not its end has come."""
    decoder = SseDecoder()
    return next(decoder.feed(b"\n" + data), None) or decoder.flush()
