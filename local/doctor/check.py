"""One finding, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TextIO

from local.colour import has_colours


class State(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """`what` was looked at and what was seen; `remedy`: what to do, if anything."""

    state: State
    what: str
    remedy: str = ""


_COLOURS: Final = {
    State.OK: "32",
    State.WARNING: "33",
    State.PROBLEM: "31",
    State.SKIPPED: "2",
}
_WIDTH: Final = 8


def ok(what: str) -> Check:
    return Check(State.OK, what)


def warning(what: str, remedy: str) -> Check:
    return Check(State.WARNING, what, remedy)


def problem(what: str, remedy: str) -> Check:
    return Check(State.PROBLEM, what, remedy)


def skipped(what: str, remedy: str) -> Check:
    return Check(State.SKIPPED, what, remedy)


def show(title: str, checks: Iterable[Check], out: TextIO) -> list[Check]:
    """Print each finding as it comes, below a title; returns them all."""
    print(f"\n{title}", file=out, flush=True)
    shown = []
    for check in checks:
        print(_line(check, colour=has_colours(out)), file=out, flush=True)
        shown.append(check)
    return shown


def _line(check: Check, *, colour: bool) -> str:
    name = f"{check.state:<{_WIDTH}}"
    if colour:
        name = f"\033[{_COLOURS[check.state]}m{name}\033[0m"
    remedy = f"\n  {'':<{_WIDTH}} -> {check.remedy}" if check.remedy else ""
    return f"  {name} {check.what}{remedy}"
