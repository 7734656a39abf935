"""Members of a JSON object that is too large to be parsed, read from its first and last characters.

Quotes within a JSON text are escaped, so no text looks like a member. How deep a member near the
end of a whole object stands is known from what follows it, which closes all that is around the
member.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    items,
    mapping,
    parse,
    parse_object,
    text,
)
from shared.core.wire.json.reported_error import error_of
from shared.core.wire.stream.stream_end import LAST_EVENTS

_MAX_TRIED: Final = 32  # places near the end at which a member may begin, from the last one on
_OPENING: Final = re.compile(r"\s*\{\s*")
_NAME: Final = r'"((?:[^"\\]|\\.)*)"\s*:\s*'
_SCALAR_MEMBER: Final = re.compile(
    _NAME + r'("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|\{\s*\}|\[\s*\])\s*,\s*'
)
_MEMBER: Final = re.compile(_NAME + "(.)", re.DOTALL)


class FirstMembers(NamedTuple):
    """The members with which an object begins, as far as their values are neither containers nor
    long.
    """

    members: JsonObject
    following: str  # the name of the member after them; "" if there is none
    opens: str  # the first character of its value


def first_members(first: str) -> FirstMembers:
    """The first members of the object that begins with this text."""
    members: JsonObject = {}
    start = _OPENING.match(first)
    at = start.end() if start else len(first)
    while (match := _SCALAR_MEMBER.match(first, at)) is not None:
        members[match[1]] = parse(match[2])
        at = match.end()
    following = _MEMBER.match(first, at)
    return FirstMembers(
        members, following[1] if following else "", following[2] if following else ""
    )


def last_member(last: str, name: str, around: str) -> Json:
    """The value of a member near the end of the object that ends with this text; None if there
    is none. `around` opens what is around the member, such as `{"response":{`.
    """
    at = len(last)
    for _ in range(_MAX_TRIED):
        at = last.rfind(f'"{name}"', 0, at)
        if at < 0:
            return None
        document = parse_object(around + last[at:])
        if document:
            return _innermost(document, around).get(name)
    return None


def ends_stream(name: str, first: str) -> bool:
    """Whether this is the last event of a stream that has no [DONE], as far as its SSE name and its
    first members say.
    """
    return bool({name, text(first_members(first).members.get("type"))} & LAST_EVENTS)


def is_error(name: str, first: str, last: str) -> bool:
    """Whether an event reports an error. `name` is its SSE name."""
    members, following, opens = first_members(first)
    # A container counts because it is there, whatever it holds.
    document: JsonObject = dict(members)
    if following:
        document[following] = {"": ""} if opens == "{" else "…"
    for code in ("code", "statusCode"):
        value = last_member(last, code, "{")
        if value is not None:
            document.setdefault(code, value)
    return error_of(document, name) is not None


def _innermost(document: JsonObject, around: str) -> JsonObject:
    inner: Json = document
    for _ in range(around.count("{") - 1):
        inner = next(iter(mapping(inner).values()), None)
        inner = items(inner)[0] if items(inner) else inner
    return mapping(inner)
