"""What ends an event of a stream, what ends the stream, and which chunk tells its usage: defined
here once.

The relay looks for it in bytes as they pass, the tail and enrichment in decoded events.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shared.core.wire.json_shape import parse_object, text
from shared.core.wire.operations import OPERATIONS, spec_of
from shared.core.wire.sse import decode

DONE: Final = "[DONE]"
# The last events of streams that have no [DONE]. The relay looks for those of every operation in
# every stream: an operation without a row may send them too.
LAST_EVENTS: Final = frozenset[str]().union(*(spec.last_events for spec in OPERATIONS))
_FAILURE_EVENTS: Final = frozenset[str]().union(*(spec.failure_events for spec in OPERATIONS))
# One of these ends a stream of the Responses API, and repeats the whole response.
LAST_RESPONSE_EVENTS: Final = spec_of("responses").last_events

# A blank line, behind which an event has ended. Where a CRLF may be cut in two, its LF is waited
# for, or another byte.
EVENT_END: Final = re.compile(rb"\n\r?\n|\r\r|\n\r(?=[^\n])")
# For bytes.endswith, where a call more would count: each chunk of each stream passes there.
EVENT_ENDS: Final = (b"\n\n", b"\n\r\n", b"\r\r")
LONGEST_EVENT_END: Final = len(b"\r\n\r\n")

USAGE_OBJECT: Final = re.compile(rb'"usage"\s*:\s*\{')
# What `ends_stream`, `fails`, finish reasons and usage are told by. A regular expression costs a
# tenth of parsing a chunk.
TELLING: Final = re.compile(
    r'"finish_reason"\s*:\s*[^\sn]|"usage"\s*:\s*\{|"error"|"code"|"type"\s*:\s*"(?:'
    + "|".join(map(re.escape, sorted(LAST_EVENTS)))
    + ")"
)
# Without one of these, no event says what `fails` looks for.
FAILING: Final = tuple(f'"{word}"'.encode() for word in ("error", "code", *sorted(_FAILURE_EVENTS)))
_ERROR_TYPES: Final = _FAILURE_EVENTS | {"error"}


def ends_event(data: bytes) -> bool:
    """Whether an event has ended with these bytes, of which the last
    LONGEST_EVENT_END are enough.
    """
    return data.endswith(EVENT_ENDS)


def ends_stream(chunk: dict[str, Any]) -> bool:
    """Whether this is the last event of a stream that has no [DONE]."""
    return text(chunk.get("type")) in LAST_EVENTS


def fails(chunk: dict[str, Any]) -> bool:
    """Whether an event tells of an error: nested, flat or as the Responses API's."""
    flat = "message" in chunk and "code" in chunk and "choices" not in chunk
    return bool(chunk.get("error")) or text(chunk.get("type")) in _ERROR_TYPES or flat


def may_tell_usage(piece: bytes) -> bool:
    """Whether `is_usage_chunk` is worth asking of what is in it. True too often rather than too
    seldom: every chunk passes.
    """
    return piece.count(b'"usage"') != piece.count(b'"usage":null')


def is_usage_chunk(event: bytes) -> bool:
    """Whether this event, whole, is the extra chunk that `include_usage` brings: `choices: []` with
    `usage`.
    """
    if USAGE_OBJECT.search(event) is None:
        return False
    decoded = [parse_object(sse.data) for sse in decode(event)]
    return (
        len(decoded) == 1
        and decoded[0].get("choices") == []
        and isinstance(decoded[0].get("usage"), dict)
    )
