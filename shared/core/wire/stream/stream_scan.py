"""How a stream of events ended, whatever its size and that of its events.

The pieces of a stream are kept until there are PENDING_BYTES of them, and not looked at before.
What goes on is reduced to what counts (StreamFindings), and of an event that is longer than all of
it the beginning and the end are kept.

Nothing is parsed but the events that hold one of a few marks, which are searched for in bytes.
If an event is too large to be parsed, its name, its first members and its last ones say what it is;
if these do not, the scan says that it does not know.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from shared.core.wire.http import body_start
from shared.core.wire.json.json_shape import parse_object
from shared.core.wire.json.usage_object import has_figures
from shared.core.wire.stream import event_search
from shared.core.wire.stream import large_event as large
from shared.core.wire.stream.stream_end import is_done
from shared.core.wire.stream.stream_findings import (
    FIRST_BYTES,
    LAST_BYTES,
    PARSED_BYTES,
    StreamFindings,
)
from shared.core.wire.stream.tail import Tail, bound
from shared.core.wire.stream.text_filters import BomFilter, LineEndFilter

# The pieces of a stream that wait to be looked at: most streams are shorter. To look at them takes
# a millisecond or two.
PENDING_BYTES: Final = 256 * 1024
# The last 512 bytes of most streams hold [DONE] and the usage, the last 2 KB of nearly all.
_LAST_EVENTS_BYTES: Final = (512, 2 * 1024)
# So many of the last bytes are read to find out which choices have begun.
_CHOICES_BYTES: Final = 16 * 1024
_SEQUENCE_NUMBER: Final = re.compile(rb'"sequence_number"\s*:\s*(\d{1,15})')


class StreamScan:
    """Takes the pieces of one body, and returns at any time the tail of what came so far.

    `choices` is how many choices the request asks for; None if that is not known.

    The bytes that came, and the fields that stand for them:

        |  complete events  |  later events       |  not searched  |
        |----- _before -----|------- _text -------|---- _pieces ---|

    While an event is longer than the text can be:

        |  complete events  |  beginning  |  not kept  |  later bytes  |  not searched  |
        |----- _before -----|--- _first --|            |---- _text ----|---- _pieces ---|
    """

    def __init__(self, choices: int | None = 1) -> None:
        self.choices = choices
        # The pieces that have not been searched. They are joined as they come, because an object
        # takes many times as much memory as a piece of a few bytes.
        self._pieces = bytearray()
        self._most_pieces_bytes = PENDING_BYTES
        self._bom_filter = BomFilter()
        self._line_end_filter = LineEndFilter()
        self._text = b""  # the bytes before the pieces that are not in the findings yet
        self._is_document: bool | None = None  # None while text and pieces are the whole body
        self._before = StreamFindings()  # of the bytes before the text
        # The first bytes of an event that is longer than the text can be; None if the text begins
        # with an event. All events before it are complete.
        self._first: bytes | None = None
        self._sequence_number = -1  # the last one before the text; -1 if there is none

    def feed(self, piece: bytes) -> None:
        """Add a piece. Called for every piece of every stream: it must stay cheap."""
        self._pieces += piece
        if len(self._pieces) > self._most_pieces_bytes:
            self._reduce()

    @property
    def is_document(self) -> bool:
        """Whether the body is a document, whatever its content type says."""
        if self._is_document is not None:
            return self._is_document
        return body_start.is_document(self._join())

    def tail(self) -> Tail:
        """The tail of the stream, as far as it came."""
        return self._tail_of(self._findings())

    def tail_without_last_event(self) -> Tail:
        """The tail of the stream for a client that was not sent the event that ended it."""
        findings = self._findings()
        findings.done = findings.last_failed = False
        return replace(self._tail_of(findings), open_end=False)

    @property
    def next_sequence_number(self) -> int:
        """The number after the last `sequence_number` of the events; 0 if they have none."""
        return self._last_sequence_number(self._join()) + 1

    def _last_sequence_number(self, text: bytes) -> int:
        """The last `sequence_number` up to the end of `text`; -1 if there is none."""
        at = text.rfind(b'"sequence_number"')
        number = _SEQUENCE_NUMBER.match(text, at) if at >= 0 else None
        return int(number[1]) if number else self._sequence_number

    def _tail_of(self, findings: StreamFindings) -> Tail:
        finished = self._is_finished(findings)
        with_open = findings.copy()
        self._add_open_event(with_open)
        return Tail(
            finished=finished,
            open_end=not finished and self._is_finished(with_open),
            usage=bound(with_open.usage),
            failed=with_open.failed or with_open.last_failed,
            unsure=with_open.unsure or self._is_likely_finished(with_open),
        )

    def _is_finished(self, findings: StreamFindings) -> bool:
        """[DONE], a last event, or a finish_reason for every choice. One choice may end before
        another has begun.
        """
        finished = sum(findings.choices.values())
        every = self.choices is not None and finished >= self.choices
        return findings.done or (every and finished == len(findings.choices))

    def _is_likely_finished(self, findings: StreamFindings) -> bool:
        """Every choice that began has ended, and nobody knows how many there are."""
        return self.choices is None and bool(findings.choices) and all(findings.choices.values())

    def _findings(self) -> StreamFindings:
        """The findings of all complete events, those of the text included."""
        findings, text = self._before.copy(), self._join()
        start = 0
        if self._first is not None:
            end = event_search.event_end(text, 0)
            if end is None:
                return findings
            _add_long(findings, self._first, text[:end])
            start = end
        events = text[start : event_search.complete_bytes(text)]
        findings.add_marked(_last_events(events, PARSED_BYTES) if _is_clear(events) else events)
        if findings.choices and not findings.done:
            # Which choices have begun is in no mark.
            findings.add_all(_last_events(events, _CHOICES_BYTES))
        return findings

    def _add_open_event(self, findings: StreamFindings) -> None:
        """The event that no blank line ends. It counts if its JSON is whole: some upstreams leave
        the blank line out at the end.
        """
        text = self._join()
        start = event_search.complete_bytes(text)
        if self._first is not None and start == 0:
            # Its braces are not counted: it may be complete.
            event = event_search.decode_open(self._first)
            ends = event is not None and large.ends_stream(event.event, event.data)
            findings.unsure |= ends and _last_text(text).endswith("}}")
            return
        event = event_search.decode_open(text[start:])
        if event is not None and (is_done(event.data) or parse_object(event.data)):
            findings.add(event)

    def _join(self) -> bytes:
        """The text, with the pieces joined to it."""
        if self._pieces:
            self._text += self._line_end_filter.feed(self._bom_filter.feed(bytes(self._pieces)))
            self._pieces.clear()
            self._most_pieces_bytes = PENDING_BYTES - len(self._text)
        return self._text

    def _reduce(self) -> None:
        """Look at the complete events of the text, and keep what is not complete."""
        if self._is_document is None:
            self._is_document = self.is_document
        text = self._join()
        self._sequence_number = self._last_sequence_number(text)
        if self._first is not None:
            end = event_search.event_end(text, 0)
            if end is not None:
                _add_long(self._before, self._first, text[:end])
                self._first, text = None, text[end:]
        if self._first is None:
            end = event_search.complete_bytes(text)
            self._before.add_marked(text[:end])
            text = text[end:]
        if len(text) > PARSED_BYTES:
            self._first = text[:FIRST_BYTES] if self._first is None else self._first
            text = text[-LAST_BYTES:]
        self._text, self._most_pieces_bytes = text, PENDING_BYTES - len(text)


def scan(body: bytes, choices: int | None = 1) -> Tail:
    """The tail of the stream in a whole body."""
    whole = StreamScan(choices)
    whole.feed(body)
    return whole.tail()


def _is_clear(events: bytes) -> bool:
    """Whether the last few events say how the stream ended. Only an error that is near can change
    that for the relay; enrichment finds one that is far.
    """
    return any(_say_end(_last_events(events, count)) for count in _LAST_EVENTS_BYTES)


def _say_end(events: bytes) -> bool:
    """Whether these events hold the stream's end and its usage."""
    findings = StreamFindings()
    findings.add_all(events)
    return findings.done and has_figures(findings.usage)


def _last_events(events: bytes, count: int) -> bytes:
    """The last events: as many as begin or end within so many bytes."""
    return events[event_search.event_start(events, 0, max(len(events) - count, 0)) :]


def _add_long(findings: StreamFindings, first: bytes, last: bytes) -> None:
    """Note an event that begins and ends with these bytes."""
    event = event_search.decode_open(first)
    if event is not None:
        findings.add_large(event.event, event.data, _last_text(last))
    elif b"\ndata" in last:  # after a comment of many bytes
        findings.unsure = True


def _last_text(event: bytes) -> str:
    return event[-LAST_BYTES:].decode("utf-8", "replace").rstrip()
