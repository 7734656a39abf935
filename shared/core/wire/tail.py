"""What the end of an answer tells: whether it is whole, and its usage.

Only a bounded tail is looked at, after the last byte has left, so the cost does not grow with the
answer. The whole capture is read by enrichment, later and elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.core.wire.json_shape import parse_object
from shared.core.wire.sse import SseDecoder, SseEvent
from shared.core.wire.stream_end import (
    DONE,
    EVENT_END,
    FAILING,
    TELLING,
    USAGE_OBJECT,
    ends_stream,
    fails,
)

TAIL_BYTES: Final = 32 * 1024  # how much of the end a capture's writer keeps at hand
# as JSON writes it; a real one has about 300. Enrichment finds a larger one in the capture
MAX_USAGE_BYTES: Final = 2048
_LAST_BYTES: Final = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """What the end says."""

    finished: bool  # [DONE], a finish_reason for every choice, or a last event was there
    # as the upstream sent it; None too where it is too large for an envelope
    usage: dict[str, Any] | None
    failed: bool = False  # an error was in the stream, nested, flat or as the Responses API's event


def of_stream(tail: bytes, *, whole: bool) -> Tail:
    """The end of an SSE body; `whole` says that `tail` is all of it, otherwise its first, cut event
    is skipped.
    """
    end = _of_last_events(tail)
    if end is not None:
        return end
    if not whole:
        blank = EVENT_END.search(tail)
        if blank and blank.end() == len(tail):
            return _of_cut_event(tail)
        # not at a line's beginning, where a BOM would be none of it
        tail = tail[blank.end() - 1 :] if blank else b""
    events = list(SseDecoder().feed(tail))
    end = _of_events(events)
    return replace(
        end, finished=end.finished or _every_choice_finished(event.data for event in events)
    )


def _of_last_events(tail: bytes) -> Tail | None:
    """What the last few events tell, where they tell all; None otherwise. To decode all takes four
    times as long.
    """
    blank = EVENT_END.search(tail, max(len(tail) - _LAST_BYTES, 0))
    if blank is None:
        return None
    end = _of_events(SseDecoder().feed(tail[blank.end() - 1 :]))  # as in of_stream
    told = (
        end.finished
        and end.usage is not None
        and all(tail.find(mark, 0, blank.end()) < 0 for mark in FAILING)
    )
    return end if told else None


def _of_events(events: Iterable[SseEvent]) -> Tail:
    finished, failed, usage = False, False, None
    for event in events:
        if event.data == DONE:
            finished = True
            continue
        if TELLING.search(event.data) is None:  # most chunks
            continue
        chunk = parse_object(event.data)
        finished, failed = finished or ends_stream(chunk), failed or fails(chunk)
        usage = usage_of(chunk) or usage
    return Tail(finished=finished, usage=_bounded(usage), failed=failed)


def of_json(body: bytes) -> Tail:
    """A JSON body that arrived whole; one longer than the tail is left to enrichment."""
    document = parse_object(body) if len(body) <= TAIL_BYTES else {}
    failed = bool(document.get("error")) or (
        document.get("object") == "response" and document.get("status") == "failed"
    )
    return Tail(finished=True, usage=_bounded(usage_of(document)), failed=failed)


def usage_of(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """`usage` of a chunk, a completion, or of the response inside a Responses event."""
    response = chunk.get("response")
    usage = chunk.get("usage") or (response.get("usage") if isinstance(response, dict) else None)
    return usage if isinstance(usage, dict) else None


def _of_cut_event(end: bytes) -> Tail:
    """The end of a last event that is longer than the tail: the Responses API's, which repeats the
    whole response.

    Of the events that can be so long, it is the only one whose usage is an object; inside a text
    the quotes are escaped.
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


def _bounded(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    return usage if len(json.dumps(usage)) <= MAX_USAGE_BYTES else None


def _every_choice_finished(chunks: Iterable[str]) -> bool:
    """Every choice that the tail speaks of has its finish_reason; with n > 1 one choice may end
    long before another.
    """
    reasons: dict[Any, bool] = {}
    for data in chunks:
        choices = parse_object(data).get("choices") if '"finish_reason"' in data else None
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and "finish_reason" in choice:
                index = str(choice.get("index", 0))
                reasons[index] = reasons.get(index, False) or choice["finish_reason"] is not None
    return bool(reasons) and all(reasons.values())
