"""Reads a filter line.

    line  = [ term *( space term ) ]
    term  = key ":" [ "!" ] value *( "," value )
          | key ( "<" | "<=" | ">" | ">=" ) value
          | '"' text '"'  | exchange id | word
    value = word | '"' text '"'

Within quotes, a backslash makes the next character a plain one. A word that is not an exchange id
searches like a quoted text. `key:""` finds exchanges without that key, and `*` in a word stands for
any characters.
"""

from __future__ import annotations

import difflib
import re
from typing import Final, NamedTuple, cast

from shared.core.records.exchange.exchange_id import is_exchange_id
from view.errors import FilterError
from view.filters import units
from view.filters.keys import BY_NAME, FilterKey, ValueKind
from view.filters.terms import (
    Compares,
    ComparisonOperator,
    Contains,
    Filter,
    HasId,
    IsOneOf,
    Pattern,
    Term,
    Value,
)

MAX_LINE: Final = 2_000  # characters
MAX_TERMS: Final = 50
MIN_TEXT: Final = 3  # characters that the index of texts can find

_SPACE: Final = re.compile(r"\s*")
_KEY: Final = re.compile(r"([A-Za-z_]+)(:!?|<=|>=|<|>)")
_WORD: Final = re.compile(r'[^\s",]+')
_BARE_WORD: Final = re.compile(r'[^\s"]+')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNPRINTABLE: Final = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


class _Text(NamedTuple):
    """A value as the filter line has it."""

    text: str
    quoted: bool
    at: int  # its offset in the line


def parse(line: str, *, now_ms: int) -> Filter:
    """The filter that a line states; no terms for a blank one. Raises FilterError.

    `now_ms`: Unix time, from which `time>-15m` counts.
    """
    if len(line) > MAX_LINE:
        raise FilterError(f"the filter has more than {MAX_LINE} characters", at=MAX_LINE)
    bad = _UNPRINTABLE.search(line.replace("\t", " "))
    if bad is not None:
        raise FilterError("the filter holds a character that cannot be printed", at=bad.start())
    return _Parser(line, now_ms).line()


class _Parser:
    """Reads one line from left to right."""

    def __init__(self, line: str, now_ms: int) -> None:
        self._line = line
        self._now_ms = now_ms
        self._at = 0

    def line(self) -> Filter:
        terms: list[Term] = []
        self._skip_space()
        while self._at < len(self._line):
            if len(terms) == MAX_TERMS:
                raise FilterError(f"the filter has more than {MAX_TERMS} terms", at=self._at)
            terms.append(self._term())
            self._end_of_term()
        return tuple(terms)

    def _skip_space(self) -> bool:
        start = self._at
        self._at = cast("re.Match[str]", _SPACE.match(self._line, start)).end()
        return self._at > start

    def _end_of_term(self) -> None:
        if not self._skip_space() and self._at < len(self._line):
            raise FilterError("a space is expected between two terms", at=self._at)

    def _term(self) -> Term:
        match = _KEY.match(self._line, self._at)
        if match is None:
            return self._search()
        key = _key(match[1], self._at)
        self._at = match.end()
        if match[2].startswith(":"):
            return self._is_one_of(key, negated=match[2] == ":!")
        return self._compares(key, cast("ComparisonOperator", match[2]))

    def _search(self) -> Term:
        value = self._text(_BARE_WORD)
        if not value.quoted and is_exchange_id(value.text.lower()):
            return HasId(exchange_id=value.text.lower())
        if len(value.text) < MIN_TEXT:
            raise FilterError(
                f"a text to search for has at least {MIN_TEXT} characters", at=value.at
            )
        return Contains(text=value.text)

    def _is_one_of(self, key: FilterKey, *, negated: bool) -> IsOneOf:
        values = [self._value(key)]
        while self._line.startswith(",", self._at):
            self._at += 1
            values.append(self._value(key))
        return IsOneOf(key=key, values=tuple(values), negated=negated)

    def _value(self, key: FilterKey) -> Value | Pattern:
        value = self._text(_WORD)
        if value.quoted and not value.text:
            return None
        if key.kind is ValueKind.TEXT:
            is_pattern = "*" in value.text and not value.quoted
            return Pattern(text=value.text) if is_pattern else value.text
        try:
            if key.kind is ValueKind.FLAG:
                return units.flag(value.text)
            return units.number(key.kind, value.text, self._now_ms)
        except ValueError as error:
            raise FilterError(f"{key.name}: {error}", at=value.at) from None

    def _compares(self, key: FilterKey, operator: ComparisonOperator) -> Compares:
        value = self._text(_WORD)
        try:
            limit = units.number(key.kind, value.text, self._now_ms)
        except ValueError as error:
            raise FilterError(f"{key.name}: {error}", at=value.at) from None
        return Compares(key=key, operator=operator, value=limit)

    def _text(self, word: re.Pattern[str]) -> _Text:
        start = self._at
        quoted = _QUOTED.match(self._line, start)
        if quoted is not None:
            self._at = quoted.end()
            return _Text(text=re.sub(r"\\(.)", r"\1", quoted[1]), quoted=True, at=start)
        if self._line.startswith('"', start):
            raise FilterError('a text has no closing "', at=start)
        match = word.match(self._line, start)
        if match is None:
            raise FilterError("a value is expected", at=start)
        self._at = match.end()
        return _Text(text=match[0], quoted=False, at=start)


def _key(name: str, at: int) -> FilterKey:
    key = BY_NAME.get(name.lower())
    if key is None:
        close = difflib.get_close_matches(name.lower(), BY_NAME, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"the keys are {', '.join(BY_NAME)}"
        raise FilterError(
            f'"{name}" is not a key: {hint} (A text that holds a colon needs quotes)', at=at
        )
    return key
