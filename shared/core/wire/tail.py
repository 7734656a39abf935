"""The end of an answer: whether the answer is complete, whether it reports an error, and its usage.

Only a bounded tail is read, after the last byte was sent, so that the cost does not grow with the
answer. Enrichment reads the whole capture, later and elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from shared.core.wire.json_shape import JsonObject, parse_object
from shared.core.wire.operations import OperationSpec
from shared.core.wire.reported_error import error_of
from shared.core.wire.sse import SseDecoder, SseEvent
from shared.core.wire.stream_end import (
    DONE,
    ERROR_MARKS,
    EVENT_END,
    USAGE_OBJECT,
    WORTH_PARSING,
    ends_stream,
    reports_error,
)
from shared.core.wire.usage_object import has_figures, latest_usage

TAIL_BYTES: Final = 32 * 1024  # how much of the end a capture's writer keeps at hand
# As JSON; a real one has about 300. Enrichment finds a larger one in the capture.
MAX_USAGE_BYTES: Final = 2048
_LAST_EVENTS_BYTES: Final = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """What the end of an answer says."""

    finished: bool  # it holds [DONE], a finish_reason for every choice, or a last event
    # as the upstream sent it; also None where it is too large for an envelope
    usage: JsonObject | None
    failed: bool = False  # it reports an error: nested, flat, or as the Responses API's event


def of_stream(tail: bytes, *, whole: bool) -> Tail:
    """The end of an SSE body. The first event is skipped unless `tail` is the whole body."""
    end = _of_last_events(tail)
    if end is not None:
        return end
    if not whole:
        blank = EVENT_END.search(tail)
        if blank and blank.end() == len(tail):
            return _of_cut_event(tail)
        # one byte earlier: a BOM is dropped at the beginning of a body alone
        tail = tail[blank.end() - 1 :] if blank else b""
    events = list(SseDecoder().feed(tail))
    end = _of_events(events)
    return replace(
        end, finished=end.finished or _every_choice_finished(event.data for event in events)
    )


def _of_last_events(tail: bytes) -> Tail | None:
    """The end by the last few events, if they hold all of it; else None. To decode the whole tail
    takes four times as long.
    """
    blank = EVENT_END.search(tail, max(len(tail) - _LAST_EVENTS_BYTES, 0))
    if blank is None:
        return None
    end = _of_events(SseDecoder().feed(tail[blank.end() - 1 :]))  # as in of_stream
    complete = (
        end.finished
        and has_figures(end.usage)
        and all(tail.find(mark, 0, blank.end()) < 0 for mark in ERROR_MARKS)
    )
    return end if complete else None


def _of_events(events: Iterable[SseEvent]) -> Tail:
    finished, failed, usage = False, False, None
    for event in events:
        if event.data == DONE:
            finished = True
            continue
        # most chunks
        if event.event != "error" and WORTH_PARSING.search(event.data) is None:
            continue
        chunk = parse_object(event.data)
        finished = finished or ends_stream(chunk)
        failed = failed or reports_error(chunk, event.event)
        usage = latest_usage(usage, usage_of(chunk))
    return Tail(finished=finished, usage=_bounded(usage), failed=failed)


def of_json(body: bytes, operation: OperationSpec) -> Tail:
    """The end of a JSON body that arrived complete. One longer than the tail is not parsed here,
    and neither is a document of an operation whose answers are not: its `usage` and its `error` are
    those of an object (a batch, a fine-tuning job) or of a file, and not of the call.
    """
    document = parse_object(body) if operation.parses_documents and len(body) <= TAIL_BYTES else {}
    failed = error_of(document) is not None or (
        document.get("object") == "response" and document.get("status") == "failed"
    )
    return Tail(finished=True, usage=_bounded(usage_of(document)), failed=failed)


def usage_of(chunk: JsonObject) -> JsonObject | None:
    """`usage` of a chunk, of a completion, or of the response in a Responses event."""
    response = chunk.get("response")
    usage = chunk.get("usage") or (response.get("usage") if isinstance(response, dict) else None)
    return usage if isinstance(usage, dict) else None


def _of_cut_event(end: bytes) -> Tail:
    """The end of a last event that is longer than the tail. The Responses API's repeats the whole
    response.

    Of the events that can be so long it is the only one with a usage object. Quotes within a text
    are escaped, so that no text can look like one.
    """
    *_, last = [None, *USAGE_OBJECT.finditer(end)]
    if last is None:
        return Tail(finished=False, usage=None)
    text = end[last.end() - 1 :].decode("utf-8", "replace")
    try:
        _, length = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return Tail(finished=False, usage=None)
    return Tail(finished=True, usage=_bounded(parse_object(text[:length])))


def _bounded(usage: JsonObject | None) -> JsonObject | None:
    return usage if len(json.dumps(usage)) <= MAX_USAGE_BYTES else None


def _every_choice_finished(chunks: Iterable[str]) -> bool:
    """Every choice in the tail has its finish_reason. With n > 1 one choice may end long before
    another.
    """
    reasons: dict[str, bool] = {}
    for data in chunks:
        choices = parse_object(data).get("choices") if '"finish_reason"' in data else None
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and "finish_reason" in choice:
                index = str(choice.get("index", 0))
                reasons[index] = reasons.get(index, False) or choice["finish_reason"] is not None
    return bool(reasons) and all(reasons.values())
