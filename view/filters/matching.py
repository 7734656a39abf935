"""Whether one row and its text match a filter: the same answer as the store's, without it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Final

from view.exchange.row import Row
from view.filters.terms import Compares, Contains, Filter, HasId, IsOneOf, Pattern, Term, Value

_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# SQLite ignores the case of these letters and of no others.
_LOWER_CASE: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def matches(query: Filter, row: Row, text: Callable[[], str]) -> bool:
    """`text`: gives the exchange's texts; called only if the filter searches in them."""
    return all(_holds(term, row, text) for term in query)


def _holds(term: Term, row: Row, text: Callable[[], str]) -> bool:
    match term:
        case HasId():
            return row.id == term.exchange_id
        case Contains():
            return term.text.lower() in text().lower()
        case Compares():
            value = getattr(row, term.key.column)
            return value is not None and _OPERATORS[term.operator](value, term.value)
        case IsOneOf():
            field = getattr(row, term.key.column)
            return any(_equals(field, value) for value in term.values) is not term.negated


def _equals(field: Value, value: Value | Pattern) -> bool:
    if value is None or field is None:
        return value is None and field is None
    if isinstance(value, Pattern):
        return _glob(value.text).fullmatch(str(field)) is not None
    if isinstance(field, str) and isinstance(value, str):
        return field.translate(_LOWER_CASE) == value.translate(_LOWER_CASE)
    return field == value


def _glob(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.compile(".*".join(parts), re.ASCII | re.IGNORECASE | re.DOTALL)
