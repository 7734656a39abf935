"""The top-level members of a JSON object, found without parsing their values.

A prompt can hold megabytes, and `json.loads` would hold up every stream of the worker for all of it
(in a thread too: it keeps the interpreter's lock). This scan jumps from mark to mark, builds
nothing, and pauses after each slice of about a millisecond, whatever the text is made of, so that
an event loop can serve others in between.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from shared.core.wire.cooperative import Cooperative
from shared.errors import NotAnObject

type JsonText = bytes | bytearray

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb'[^,{}\[\]" \t\r\n]*+')
_IN_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BETWEEN_MARKS: Final = re.compile(rb'[^"{}\[\]]*+')

# What a slice may cost, in steps of about a microsecond: one for each quote, bracket or member, and
# for a long run of bytes as many as looking at a window of it takes.
_SLICE_STEPS: Final = 1000
_WINDOW_STEPS: Final = 100
_WINDOW_BYTES: Final = 8 * 1024  # for a regular expression
_FIND_BYTES: Final = 1024 * 1024  # for bytes.find
# What is nested deeper, or holds more brackets, is no request that any model takes: it goes as it
# came, for the upstream to refuse, instead of costing a second of CPU for each million of them.
_DEEPEST: Final = 500
_MOST_MARKS: Final = 2_000_000
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_LONGEST_NAME: Final = 1024 * 1024  # bytes; decoding one is not sliced


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Where a member's value stands: body[start:end]."""

    start: int
    end: int


def scan(body: JsonText, wanted: frozenset[str]) -> Cooperative[dict[str, Span]]:
    """The wanted names that are there -> the value's span; of a repeated name the last, as JSON
    parsers take it.

    Raises NotAnObject, or another ValueError for a name that is no JSON text.
    """
    return (yield from _Scanner(body).members(wanted))


def first_member_at(body: JsonText) -> int:
    """Where the first member of an object would begin: right behind its opening brace."""
    return body.index(b"{") + 1


class _Scanner:
    """Each method takes a position and gives the one behind what it names."""

    def __init__(self, body: JsonText) -> None:
        self._body = body
        self._steps = 0
        self._marks = 0

    def members(self, wanted: frozenset[str]) -> Cooperative[dict[str, Span]]:
        body, found = self._body, dict[str, Span]()
        at = yield from self._run(_SPACE, self._expect(b"{", (yield from self._run(_SPACE, 0))))
        while body[at : at + 1] != b"}":
            name_at, at = at, (yield from self._string(at))
            name = self._name(name_at, at)
            at = self._expect(b":", (yield from self._run(_SPACE, at)))
            start = yield from self._run(_SPACE, at)
            end = yield from self._value(start)
            if name in wanted:
                found[name] = Span(start=start, end=end)
            at = yield from self._run(_SPACE, end)
            if body[at : at + 1] == b",":
                at = yield from self._run(_SPACE, at + 1)
                if body[at : at + 1] == b"}":
                    raise NotAnObject
            elif body[at : at + 1] != b"}":
                raise NotAnObject
        if (yield from self._run(_SPACE, at + 1)) != len(body):
            raise NotAnObject
        return found

    def _expect(self, mark: bytes, at: int) -> int:
        if self._body[at : at + 1] != mark:
            raise NotAnObject
        return at + 1

    def _name(self, start: int, end: int) -> str:
        if end - start > _LONGEST_NAME:
            raise NotAnObject
        name = json.loads(self._body[start:end])
        if not isinstance(name, str):
            raise NotAnObject
        return name

    def _value(self, at: int) -> Cooperative[int]:
        first = self._body[at : at + 1]
        if first == b'"':
            return (yield from self._string(at))
        if first in (b"{", b"["):
            return (yield from self._container(at))
        end = yield from self._run(_SCALAR, at)
        if end == at:
            raise NotAnObject
        return end

    def _container(self, at: int) -> Cooperative[int]:
        body, depth = self._body, 0
        while depth <= _DEEPEST:
            at = yield from self._run(_BETWEEN_MARKS, at)
            if at == len(body):
                raise NotAnObject
            if body[at] == _QUOTE:
                at = yield from self._string(at)
                continue
            depth += 1 if body[at] in b"{[" else -1
            at += 1
            self._marks += 1
            if self._marks > _MOST_MARKS:
                raise NotAnObject
            if depth == 0:
                return at
        raise NotAnObject

    def _string(self, at: int) -> Cooperative[int]:
        """The first quote is nearly always the end; where a backslash precedes it, escapes have to
        be followed.
        """
        body, start = self._body, self._expect(b'"', at)
        quote = yield from self._find_quote(start)
        if quote > start and body[quote - 1] == _BACKSLASH:
            quote = yield from self._run(_IN_STRING, start)
        return self._expect(b'"', quote)

    def _find_quote(self, at: int) -> Cooperative[int]:
        body, length = self._body, len(self._body)
        while (quote := body.find(b'"', at, at + _FIND_BYTES)) < 0:
            at += _FIND_BYTES
            if at >= length:
                raise NotAnObject
            self._steps += _WINDOW_STEPS
            if self._steps >= _SLICE_STEPS:
                self._steps = 0
                yield
        return quote

    def _run(self, pattern: re.Pattern[bytes], at: int) -> Cooperative[int]:
        """Behind the run that the pattern describes. The pattern can go on where it stopped, so it
        is given windows.
        """
        whole = False
        while not whole:
            window_end = at + _WINDOW_BYTES
            match = pattern.match(self._body, at, window_end)
            end = match.end() if match else at
            # an escape at the window's end is left for the next
            whole = end < window_end - 1 or end == at
            at = end
            self._steps += 1 if whole else _WINDOW_STEPS
            if self._steps >= _SLICE_STEPS:
                self._steps = 0
                yield
        return at
