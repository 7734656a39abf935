"""Find the top-level members of a JSON object without parsing their values.

A prompt can hold megabytes, and `json.loads` would block every stream of the worker while it parses
one (in a thread as well, because it holds the interpreter's lock). This scanner jumps from quote to
quote and from bracket to bracket, builds no values, and pauses after about a millisecond of work,
whatever the text is made of, so that the event loop serves other streams in between.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from shared.core.wire.steps import Cooperative
from shared.errors import NotAnObject

type JsonText = bytes | bytearray

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb'[^,{}\[\]" \t\r\n]*+')
_IN_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BETWEEN_MARKS: Final = re.compile(rb'[^"{}\[\]]*+')

# No model takes a request that is nested deeper or has more brackets. Such a request is forwarded
# unchanged, for the upstream to refuse: a million brackets cost a second of CPU.
_MAX_DEPTH: Final = 500
_MAX_BRACKETS: Final = 2_000_000
_MAX_NAME_BYTES: Final = 1024 * 1024  # a name is decoded without a pause
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberSpan:
    """The place of a member's value: body[start:end]."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanPace:
    """When the scanner pauses. A step costs about a microsecond."""

    steps: int = 1000  # between two pauses
    # A quote, a bracket or a member counts as one step. A long run of bytes is searched in windows,
    # and each window counts as so many:
    window_steps: int = 100
    window_bytes: int = 8 * 1024  # the window of a regular expression
    find_bytes: int = 1024 * 1024  # the window of bytes.find, which is faster


DEFAULT_PACE: Final = ScanPace()


def find_members(
    body: JsonText, names: frozenset[str], pace: ScanPace = DEFAULT_PACE
) -> Cooperative[dict[str, MemberSpan]]:
    """The members of these names that the object has. If a name is repeated, the last one counts,
    as in JSON parsers.

    Raises NotAnObject, also if the object is beyond the limits above.
    """
    return (yield from _Scanner(body, pace).members(names))


def first_member_at(body: JsonText) -> int:
    """The offset at which the object's first member would begin: after its opening brace."""
    return body.index(b"{") + 1


class _Scanner:
    """Each method takes an offset, and returns the offset after the part that its name says."""

    def __init__(self, body: JsonText, pace: ScanPace) -> None:
        self._body = body
        self._pace = pace
        self._steps = 0  # steps since the last pause
        self._brackets = 0

    def members(self, names: frozenset[str]) -> Cooperative[dict[str, MemberSpan]]:
        body, spans = self._body, dict[str, MemberSpan]()
        at = yield from self._run(_SPACE, self._expect(b"{", (yield from self._run(_SPACE, 0))))
        while body[at : at + 1] != b"}":
            name_at, at = at, (yield from self._string(at))
            name = self._name(name_at, at)
            at = self._expect(b":", (yield from self._run(_SPACE, at)))
            start = yield from self._run(_SPACE, at)
            end = yield from self._value(start)
            if name in names:
                spans[name] = MemberSpan(start=start, end=end)
            at = yield from self._run(_SPACE, end)
            if body[at : at + 1] == b",":
                at = yield from self._run(_SPACE, at + 1)
                if body[at : at + 1] == b"}":
                    raise NotAnObject
            elif body[at : at + 1] != b"}":
                raise NotAnObject
        if (yield from self._run(_SPACE, at + 1)) != len(body):
            raise NotAnObject
        return spans

    def _expect(self, mark: bytes, at: int) -> int:
        if self._body[at : at + 1] != mark:
            raise NotAnObject
        return at + 1

    def _name(self, start: int, end: int) -> str:
        if end - start > _MAX_NAME_BYTES:
            raise NotAnObject
        try:
            name = json.loads(self._body[start:end])
        except ValueError:  # not UTF-8, or an unknown escape
            raise NotAnObject from None
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
        while depth <= _MAX_DEPTH:
            at = yield from self._run(_BETWEEN_MARKS, at)
            if at == len(body):
                raise NotAnObject
            if body[at] == _QUOTE:
                at = yield from self._string(at)
                continue
            depth += 1 if body[at] in b"{[" else -1
            at += 1
            self._brackets += 1
            if self._brackets > _MAX_BRACKETS:
                raise NotAnObject
            if depth == 0:
                return at
        raise NotAnObject

    def _string(self, at: int) -> Cooperative[int]:
        """The first quote is nearly always the closing one. If a backslash precedes it, the string
        is searched again with its escapes.
        """
        body, start = self._body, self._expect(b'"', at)
        quote = yield from self._find_quote(start)
        if quote > start and body[quote - 1] == _BACKSLASH:
            quote = yield from self._run(_IN_STRING, start)
        return self._expect(b'"', quote)

    def _find_quote(self, at: int) -> Cooperative[int]:
        body, length, find_bytes = self._body, len(self._body), self._pace.find_bytes
        while (quote := body.find(b'"', at, at + find_bytes)) < 0:
            at += find_bytes
            if at >= length:
                raise NotAnObject
            self._steps += self._pace.window_steps
            if self._steps >= self._pace.steps:
                self._steps = 0
                yield
        return quote

    def _run(self, pattern: re.Pattern[bytes], at: int) -> Cooperative[int]:
        """The offset after the run that the pattern describes. The pattern must be able to go on
        where it stopped, because it is matched window by window.
        """
        pace, complete = self._pace, False
        while not complete:
            window_end = at + pace.window_bytes
            match = pattern.match(self._body, at, window_end)
            end = match.end() if match else at
            # an escape at the end of the window is left for the next one
            complete = end < window_end - 1 or end == at
            at = end
            self._steps += 1 if complete else pace.window_steps
            if self._steps >= pace.steps:
                self._steps = 0
                yield
        return at
