"""A filter as a condition of SQLite. Every value is bound, and every name is of the table of keys:
nothing that a caller wrote becomes SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from view.filters.terms import Compares, Contains, Filter, HasId, IsOneOf, Pattern, Term, Value

type Parameter = str | float | int | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """The expression after WHERE, and the values of its question marks, in order."""

    sql: str
    parameters: tuple[Parameter, ...] = ()


EVERYTHING: Final = Condition(sql="1")
_IN_TEXTS: Final = "number IN (SELECT rowid FROM texts WHERE texts MATCH ?)"
_IN_SOME_TEXTS: Final = (
    "number IN (SELECT rowid FROM texts WHERE texts MATCH ? AND rowid BETWEEN ? AND ?)"
)


def condition(query: Filter, numbers: tuple[int, int] | None = None) -> Condition:
    """The condition that holds for rows of `exchanges` that match the filter.

    `numbers`: the lowest and the highest `number` among which texts are searched; None: among all.
    """
    parts = [_of_term(term, numbers) for term in query]
    if not parts:
        return EVERYTHING
    return Condition(
        sql=" AND ".join(f"({part.sql})" for part in parts),
        parameters=tuple(value for part in parts for value in part.parameters),
    )


def _of_term(term: Term, numbers: tuple[int, int] | None) -> Condition:
    match term:
        case HasId():
            return Condition(sql="id = ?", parameters=(term.exchange_id,))
        case Compares():
            # the operator is one of four, by its type
            return Condition(sql=f'"{term.key.column}" {term.operator} ?', parameters=(term.value,))
        case Contains():
            return Condition(
                sql=_IN_TEXTS if numbers is None else _IN_SOME_TEXTS,
                parameters=(_phrase(term.text), *(numbers or ())),
            )
        case IsOneOf():
            return _is_one_of(term)


def _phrase(text: str) -> str:
    """A phrase of FTS5, in which a quote is doubled and nothing else has a meaning."""
    return '"' + text.replace('"', '""') + '"'


def _is_one_of(term: IsOneOf) -> Condition:
    column = f'"{term.key.column}"'
    if len(term.values) > 1 or isinstance(term.values[0], Pattern):
        # The unary plus keeps SQLite from the column's index: it would sort all matching rows for a
        # page of 100.
        column = f"+{column} COLLATE NOCASE"
    parts = [_equals(column, value) for value in term.values]
    either = " OR ".join(part.sql for part in parts)
    parameters = tuple(value for part in parts for value in part.parameters)
    if term.negated:
        # a comparison with NULL is NULL, which is not false
        return Condition(sql=f"NOT coalesce({either}, 0)", parameters=parameters)
    return Condition(sql=either, parameters=parameters)


def _equals(column: str, value: Value | Pattern) -> Condition:
    if value is None:
        return Condition(sql=f"{column} IS NULL")
    if isinstance(value, Pattern):
        return Condition(sql=f"{column} LIKE ? ESCAPE '\\'", parameters=(_like(value.text),))
    return Condition(sql=f"{column} = ?", parameters=(value,))


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
