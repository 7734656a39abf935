"""A decoder of server-sent events, after the WHATWG HTML standard (section 9.2.6, "Interpreting an
event stream").

A line ends in CR, LF or CRLF. A leading BOM is dropped. A line that starts with a colon is a
comment. Several `data` lines are joined with LF. A blank line dispatches the event, and an event
without data is dropped. `str.splitlines` must not be used: it also splits on U+2028 and others,
which are legal within JSON.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_LINE_END: Final = re.compile(rb"(\r\n?|\n)")


class SseEvent(NamedTuple):
    """A dispatched event."""

    event: str  # the `event` field; "message" if there is none
    data: str
    end: int  # offset in bytes, from the start of the stream, of the first byte after the event


class SseDecoder:
    """Takes bytes, cut anywhere, and yields the events that are complete.

    What follows the last blank line is not an event, and the standard discards it. `flush()`
    returns it, for streams that were cut.
    """

    def __init__(self) -> None:
        self._pending = bytearray()  # the bytes of the unfinished line
        self._offset = 0  # of the first byte of `_pending`
        self._after_cr = False  # the last line ended in CR: a LF that comes next belongs to it too
        self._started = False
        self._event = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[SseEvent]:
        """The events that `data` completes, in order. Exhaust the iterator before the next call."""
        if self._after_cr and data:
            self._after_cr = False
            if data.startswith(b"\n"):
                data = data[1:]
                self._offset += 1
        if b"\r" in data:
            yield from self._feed_any(data)
        elif b"\n" not in data:
            self._pending += data
        else:
            yield from self._feed_lf(data)

    def _feed_lf(self, data: bytes) -> Iterator[SseEvent]:
        """For lines that all end in LF, as Azure OpenAI sends them. It takes three fifths of the
        general method's time (measured).
        """
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._offset += len(line) + 1
            event = self._take(line)
            if event is not None:
                yield event

    def _feed_any(self, data: bytes) -> Iterator[SseEvent]:
        self._after_cr = data.endswith(b"\r")
        *parts, rest = _LINE_END.split(self._pending + data)
        self._pending = bytearray(rest)
        for line, end in zip(parts[::2], parts[1::2], strict=True):
            self._offset += len(line) + 1
            event = self._take(line)
            if event is not None:
                yield event
            # The LF of a CRLF counts after the event, which ends whether or not the LF has come.
            self._offset += len(end) - 1

    def flush(self) -> SseEvent | None:
        """The event that was incomplete when the stream ended, or None. Do not use the decoder
        after this.
        """
        if self._pending:
            self._take(bytes(self._pending))
            self._offset += len(self._pending)
            self._pending.clear()
        return self._dispatch()

    def _take(self, line: bytes | bytearray) -> SseEvent | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.startswith(b"data: "):  # most lines
            self._data.append(line[6:].decode("utf-8", "replace"))
            return None
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value.decode("utf-8", "replace"))
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> SseEvent | None:
        event, data = self._event, self._data
        self._event = ""
        if not data:
            return None
        self._data = []
        return SseEvent(event=event or "message", data="\n".join(data), end=self._offset)


def decode(body: bytes) -> Iterator[SseEvent]:
    """Every event of a whole body. An incomplete one at its end comes last."""
    decoder = SseDecoder()
    yield from decoder.feed(body)
    event = decoder.flush()
    if event is not None:
        yield event
