"""Recognises the end of an event, the end of a stream, errors, and the chunk that holds the usage.

The relay looks for these in bytes as they pass; the scan and enrichment look for them in decoded
events.
"""

from __future__ import annotations

import re
from typing import Final

from shared.core.wire.json.json_shape import JsonObject, parse_object, text
from shared.core.wire.json.reported_error import error_of
from shared.core.wire.operations import OPERATIONS
from shared.core.wire.stream.sse import decode

DONE: Final = "[DONE]"
# The last events of streams that have no [DONE]. Those of every operation are looked for in every
# stream, because an operation without a row may send them too.
LAST_EVENTS: Final = frozenset[str]().union(*(spec.last_events for spec in OPERATIONS))
FAILURE_EVENTS: Final = frozenset[str]().union(*(spec.failure_events for spec in OPERATIONS))

# A blank line ends an event. If a CRLF may be cut in two, the pattern waits for its LF, or for
# another byte.
EVENT_END: Final = re.compile(rb"\n\r?\n|\r\r|\n\r(?=[^\n])")
# For bytes.endswith: every piece of every stream is tested, and a call more would count.
EVENT_ENDS: Final = (b"\n\n", b"\n\r\n", b"\r\r")
LONGEST_EVENT_END: Final = len(b"\r\n\r\n")

USAGE_OBJECT: Final = re.compile(rb'"usage"\s*:\s*\{')
_NAMES: Final = b"|".join(re.escape(name.encode()) for name in sorted(LAST_EVENTS | {"error"}))
# One of these is found in every event in which `ends_stream` or `reports_error` can be true, or in
# which a choice has its finish_reason. To search for all costs a piece less than a microsecond, a
# twentieth of parsing it. They are several because a pattern is fast by the text it begins with.
MARKS: Final = (
    re.compile(
        rb'"(?:finish_reason"\s*:(?!\s*(?:null|""))'
        rb'|(?:error|code)"\s*:(?!\s*null)'
        rb'|statusCode"'
        rb'|(?:type|object)"\s*:\s*"(?:' + _NAMES + rb"))"
    ),
    re.compile(rb"event: ?(?:" + _NAMES + rb")"),
    re.compile(re.escape(DONE.encode())),
)


def is_done(data: str) -> bool:
    """Whether an event's data is [DONE]. What follows it does not count: OpenAI's own SDK looks at
    the beginning alone.
    """
    return data.startswith(DONE)


# A chunk that holds anything else is not the usage chunk: the client may need its `error` or its
# `prompt_filter_results`. Empty members hold nothing.
_USAGE_CHUNK_MEMBERS: Final = frozenset(
    {"id", "object", "created", "model", "system_fingerprint", "service_tier"}
    | {"choices", "usage", "obfuscation"}
)


def ends_event(data: bytes) -> bool:
    """Whether an event ends with these bytes. The last LONGEST_EVENT_END of them are enough."""
    return data.endswith(EVENT_ENDS)


def ends_stream(chunk: JsonObject, event: str = "message") -> bool:
    """Whether this is the last event of a stream that has no [DONE]. `event` is its SSE name."""
    return text(chunk.get("type")) in LAST_EVENTS or event in LAST_EVENTS


def reports_error(chunk: JsonObject, event: str = "message") -> bool:
    """Whether an event reports an error: nested, flat, by its type or its SSE name."""
    failed = text(chunk.get("type")) in FAILURE_EVENTS or event in FAILURE_EVENTS
    return failed or error_of(chunk, event) is not None


def may_hold_usage_chunk(piece: bytes) -> bool:
    """Whether the piece has to be searched for the usage chunk.

    It may be True if there is none, but never False if there is one. Every chunk passes here.
    """
    return piece.count(b'"usage"') != piece.count(b'"usage":null')


def is_usage_chunk(event: bytes) -> bool:
    """Whether this event is the extra chunk that `include_usage` brings: `usage` without a choice
    or any other content.

    Most servers write `choices: []`, others null or no `choices` at all.
    """
    if USAGE_OBJECT.search(event) is None:
        return False
    chunks = [parse_object(decoded.data) for decoded in decode(event)]
    return len(chunks) == 1 and _holds_usage_alone(chunks[0])


def _holds_usage_alone(chunk: JsonObject) -> bool:
    usage, choices = chunk.get("usage"), chunk.get("choices")
    others = chunk.keys() - _USAGE_CHUNK_MEMBERS
    if not isinstance(usage, dict) or any(chunk[name] for name in others):
        return False
    return choices == [] or (choices is None and bool(usage))
