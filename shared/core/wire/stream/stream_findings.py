"""Findings of a stream's end: whether it is complete, an error that it reports, and its usage."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from shared.core.wire.json.json_shape import JsonObject, items, mapping, parse_object, text
from shared.core.wire.json.usage_object import has_figures, latest_usage
from shared.core.wire.stream import event_search
from shared.core.wire.stream import large_event as large
from shared.core.wire.stream.sse import SseEvent
from shared.core.wire.stream.stream_end import (
    FAILURE_EVENTS,
    LAST_EVENTS,
    ends_stream,
    is_done,
    reports_error,
)
from shared.core.wire.stream.tail import usage_of

# A longer event is not parsed: at 32 KB that takes about half a millisecond.
PARSED_BYTES: Final = 32 * 1024
FIRST_BYTES: Final = 4 * 1024  # of an event that is not parsed
LAST_BYTES: Final = 8 * 1024
_CHOICE_INDEX: Final = re.compile(r'"choices"\s*:\s*\[\s*\{\s*"index"\s*:\s*(\d+)')


@dataclass(slots=True)
class StreamFindings:
    """The findings in a part of a stream."""

    done: bool = False  # [DONE], or an event with which a stream of its kind ends
    failed: bool = False  # an error, the failure of the last event aside
    last_failed: bool = False  # the event that ended the stream reports a failure
    unsure: bool = False  # an event was too large, or there were too many, to say what they are
    choices: dict[str, bool] = field(default_factory=dict)  # whether each has a finish_reason
    usage: JsonObject | None = None

    def copy(self) -> StreamFindings:
        return replace(self, choices=dict(self.choices))

    def add_marked(self, data: bytes) -> None:
        """Note what counts among these events: those that hold a mark, and the last usage."""
        events, is_all = event_search.marked_events(data)
        self.unsure |= not is_all
        for event in events:
            self.add_all(event)
        self.usage = latest_usage(self.usage, _last_usage(data))

    def add_all(self, data: bytes) -> None:
        """Note all of these events."""
        for event in event_search.decode(data):
            self.add(event)

    def add(self, event: SseEvent) -> None:
        """Note an event."""
        if is_done(event.data):
            self.done = True
        elif len(event.data) > PARSED_BYTES:
            self.add_large(event.event, event.data[:FIRST_BYTES], event.data[-LAST_BYTES:])
        else:
            self._add_chunk(event.event, parse_object(event.data))

    def add_large(self, name: str, first: str, last: str) -> None:
        """Note an event of whose data these are the first and the last characters."""
        members, following, _ = large.first_members(first)
        kind = text(members.get("type")) or text(large.last_member(last, "type", "{"))
        if kind in LAST_EVENTS or name in LAST_EVENTS:
            self.done = True
            self.last_failed |= bool({kind, name} & FAILURE_EVENTS)
            response = large.last_member(last, "usage", '{"response":{')
            usage = mapping(response or large.last_member(last, "usage", "{"))
            self.usage = latest_usage(self.usage, usage)
        elif large.is_error(name, first, last):
            self.failed = True
        elif kind or name != "message":
            pass  # an event of another kind, of whatever size
        elif following == "choices":
            self._add_large_choice(first, last)
        else:
            self.unsure = True

    def _add_chunk(self, name: str, chunk: JsonObject) -> None:
        if ends_stream(chunk, name):
            self.done = True
            self.last_failed |= reports_error(chunk, name)
        else:
            self.failed |= reports_error(chunk, name)
        self.usage = latest_usage(self.usage, usage_of(chunk))
        for choice in map(mapping, items(chunk.get("choices"))):
            finished = bool(text(choice.get("finish_reason")))
            self._add_choice(str(choice.get("index", 0)), finished=finished)

    def _add_choice(self, index: str, *, finished: bool) -> None:
        self.choices[index] = self.choices.get(index, False) or finished

    def _add_large_choice(self, first: str, last: str) -> None:
        match = _CHOICE_INDEX.search(first)
        index = match[1] if match else str(large.last_member(last, "index", '{"choices":[{') or 0)
        reason = large.last_member(last, "finish_reason", '{"choices":[{')
        if text(reason):
            self._add_choice(index, finished=True)
        elif reason is None and '"finish_reason"' in last:
            self._add_choice(index, finished=False)
        else:
            self.unsure = True


def _last_usage(data: bytes) -> JsonObject | None:
    """The usage of the last event that has one, of the last with figures if any has some."""
    zeros = None
    for event in event_search.with_usage(data):
        if len(event) > PARSED_BYTES:
            break
        findings = StreamFindings()
        findings.add_all(event)
        if has_figures(findings.usage):
            return findings.usage
        zeros = zeros or findings.usage
    return zeros
