"""A filter, parsed: terms that must all hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from view.filters.keys import FilterKey

type ComparisonOperator = Literal["<", "<=", ">", ">="]
type Value = str | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A text in which `*` stands for any characters."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IsOneOf:
    """`key:a,b`, or with `negated` `key:!a,b`. None stands for an exchange without that key.

    Texts ignore the case of ASCII letters.
    """

    key: FilterKey
    values: tuple[Value | Pattern, ...]
    negated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Compares:
    """`key>n`. An exchange without that key does not match."""

    key: FilterKey
    operator: ComparisonOperator
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Contains:
    """`"text"`: the prompt or the answer contains it, in any case of its letters."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HasId:
    """The exchange with this id."""

    exchange_id: str


type Term = IsOneOf | Compares | Contains | HasId
type Filter = tuple[Term, ...]
