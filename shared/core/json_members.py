"""The top-level members of a JSON object, found without parsing their values.

A prompt can hold megabytes, and `json.loads` would hold up every stream of the worker for all of it (in a thread too: it keeps
the interpreter's lock). This scan jumps from quote to quote, builds nothing, and pauses after each slice of about a
millisecond, so that an event loop can serve others in between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_NEXT_MARK: Final = re.compile(rb'["{}\[\]]')
_SCALAR: Final = re.compile(rb"[^,{}\[\]\" \t\r\n]+")
_MARKS_PER_SLICE: Final = 1000  # quotes and brackets; about 0.7 us each
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C


type Scan[T] = Generator[None, None, T]  # yields between slices, returns the result


class NotAnObject(ValueError):
    """The text is not one JSON object, as far as the scan looked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Where a member's value stands: body[start:end]."""

    start: int
    end: int


def scan(body: bytes) -> Scan[dict[str, Span]]:
    """Name -> the value's span; of a repeated name the last, as JSON parsers take it. Raises NotAnObject."""
    found: dict[str, Span] = {}
    at = _skip_space(body, 0)
    if body[at : at + 1] != b"{":
        raise NotAnObject
    at = _skip_space(body, at + 1)
    while body[at : at + 1] != b"}":
        name_end = yield from _string_end(body, at)
        name = json.loads(body[at:name_end])
        at = _expect(body, _skip_space(body, name_end), b":")
        start = _skip_space(body, at)
        end = yield from _value_end(body, start)
        found[name] = Span(start=start, end=end)
        at = _skip_space(body, end)
        if body[at : at + 1] == b",":
            at = _skip_space(body, at + 1)
            if body[at : at + 1] == b"}":
                raise NotAnObject
    if _skip_space(body, at + 1) != len(body):
        raise NotAnObject
    return found


def first_member_at(body: bytes) -> int:
    """Where the first member of the object would begin: right behind its opening brace."""
    return _skip_space(body, 0) + 1


def _skip_space(body: bytes, at: int) -> int:
    match = _SPACE.match(body, at)
    return match.end() if match else at


def _expect(body: bytes, at: int, mark: bytes) -> int:
    if body[at : at + 1] != mark:
        raise NotAnObject
    return at + 1


def _value_end(body: bytes, at: int) -> Scan[int]:
    first = body[at : at + 1]
    if first == b'"':
        return (yield from _string_end(body, at))
    if first in (b"{", b"["):
        return (yield from _container_end(body, at))
    match = _SCALAR.match(body, at)
    if match is None:
        raise NotAnObject
    return match.end()


def _container_end(body: bytes, at: int) -> Scan[int]:
    depth, marks = 0, 0
    while True:
        marks += 1
        if marks % _MARKS_PER_SLICE == 0:
            yield
        match = _NEXT_MARK.search(body, at)
        if match is None:
            raise NotAnObject
        mark = body[match.start()]
        if mark == _QUOTE:
            at = yield from _string_end(body, match.start())
            continue
        at = match.end()
        depth += 1 if mark in b"{[" else -1
        if depth == 0:
            return at


def _string_end(body: bytes, at: int) -> Scan[int]:
    """Behind the closing quote: the first one that an even number of backslashes precedes."""
    if body[at : at + 1] != b'"':
        raise NotAnObject
    start = at + 1
    marks = 0
    quote = body.find(b'"', start)
    while quote >= 0:
        before = quote - 1
        while before >= start and body[before] == _BACKSLASH:
            before -= 1
        if (quote - before) % 2 == 1:
            return quote + 1
        marks += 1
        if marks % _MARKS_PER_SLICE == 0:
            yield
        quote = body.find(b'"', quote + 1)
    raise NotAnObject
