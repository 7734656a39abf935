"""What ends an event of a stream, what ends a stream, what reports an error, and which chunk holds
its usage.

The relay looks for these in bytes as they pass, the tail and enrichment in decoded events.
"""

from __future__ import annotations

import re
from typing import Final

from shared.core.wire.json_shape import JsonObject, parse_object, text
from shared.core.wire.operations import OPERATIONS
from shared.core.wire.reported_error import error_of
from shared.core.wire.sse import decode

DONE: Final = "[DONE]"
# The last events of streams that have no [DONE]. Those of every operation are looked for in every
# stream, because an operation without a row may send them too.
LAST_EVENTS: Final = frozenset[str]().union(*(spec.last_events for spec in OPERATIONS))
_FAILURE_EVENTS: Final = frozenset[str]().union(*(spec.failure_events for spec in OPERATIONS))

# A blank line ends an event. Where a CRLF may be cut in two, the pattern waits for its LF, or for
# another byte.
EVENT_END: Final = re.compile(rb"\n\r?\n|\r\r|\n\r(?=[^\n])")
# For bytes.endswith: every chunk of every stream is tested, and a call more would count.
EVENT_ENDS: Final = (b"\n\n", b"\n\r\n", b"\r\r")
LONGEST_EVENT_END: Final = len(b"\r\n\r\n")

USAGE_OBJECT: Final = re.compile(rb'"usage"\s*:\s*\{')
# Found in every event in which `ends_stream`, `reports_error`, finish reasons or usage can be. To
# search for it costs a tenth of parsing a chunk.
WORTH_PARSING: Final = re.compile(
    r'"finish_reason"\s*:\s*[^\sn]|"usage"\s*:\s*\{|"error"|"code"|"statusCode"|"type"\s*:\s*"(?:'
    + "|".join(map(re.escape, sorted(LAST_EVENTS)))
    + ")"
)
# Every event that `reports_error` holds one of these.
ERROR_MARKS: Final = (
    *(f'"{word}"'.encode() for word in ("error", "code", "statusCode", *sorted(_FAILURE_EVENTS))),
    b"event: error",
    b"event:error",
)


def ends_event(data: bytes) -> bool:
    """Whether an event ends with these bytes. The last LONGEST_EVENT_END of them are enough."""
    return data.endswith(EVENT_ENDS)


def ends_stream(chunk: JsonObject) -> bool:
    """Whether this is the last event of a stream that has no [DONE]."""
    return text(chunk.get("type")) in LAST_EVENTS


def reports_error(chunk: JsonObject, event: str = "message") -> bool:
    """Whether an event reports an error: nested, flat, by its type or its name (`event`)."""
    return text(chunk.get("type")) in _FAILURE_EVENTS or error_of(chunk, event) is not None


def may_hold_usage_chunk(piece: bytes) -> bool:
    """Whether the piece has to be searched for the usage chunk.

    It may be True where there is none, but never False where there is one. Every chunk passes here.
    """
    return piece.count(b'"usage"') != piece.count(b'"usage":null')


def is_usage_chunk(event: bytes) -> bool:
    """Whether this event is the extra chunk that `include_usage` brings: `choices: []` with
    `usage`.
    """
    if USAGE_OBJECT.search(event) is None:
        return False
    chunks = [parse_object(decoded.data) for decoded in decode(event)]
    return (
        len(chunks) == 1
        and chunks[0].get("choices") == []
        and isinstance(chunks[0].get("usage"), dict)
    )
