"""What the end of an answer tells: whether it is whole, and its usage.

Only a bounded tail is looked at, after the last byte has left, so the cost does not grow with the answer. The whole capture is
read by enrichment, later and elsewhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from shared.core.sse import SseDecoder

TAIL_BYTES: Final = 32 * 1024
_DONE: Final = "[DONE]"
_LAST_RESPONSE_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_BLANK_LINE: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """What the end says."""

    finished: bool  # [DONE], a finish_reason, or the Responses API's last event was there
    usage: dict[str, Any] | None  # as the upstream sent it


def of_stream(tail: bytes, *, whole: bool) -> Tail:
    """The end of an SSE body; `whole` says that `tail` is all of it, otherwise its first, cut event is skipped."""
    if not whole:
        blank = _BLANK_LINE.search(tail)
        tail = tail[blank.end() :] if blank else b""
    finished, usage = False, None
    for event in SseDecoder().feed(tail):
        if event.data == _DONE:
            finished = True
            continue
        chunk = parse_object(event.data)
        finished = finished or _finishes(chunk)
        usage = usage_of(chunk) or usage
    return Tail(finished=finished, usage=usage)


def of_json(body: bytes) -> Tail:
    """A JSON body that arrived whole; one longer than the tail is left to enrichment."""
    usage = usage_of(parse_object(body)) if len(body) <= TAIL_BYTES else None
    return Tail(finished=True, usage=usage)


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object in `text`; {} for anything else, however wrong."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return {}
    return value if isinstance(value, dict) else {}


def usage_of(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """`usage` of a chunk, a completion, or of the response inside a Responses event."""
    response = chunk.get("response")
    usage = chunk.get("usage") or (response.get("usage") if isinstance(response, dict) else None)
    return usage if isinstance(usage, dict) else None


def _finishes(chunk: dict[str, Any]) -> bool:
    if chunk.get("type") in _LAST_RESPONSE_EVENTS:
        return True
    choices = chunk.get("choices")
    return isinstance(choices, list) and any(
        isinstance(choice, dict) and choice.get("finish_reason") is not None for choice in choices
    )
