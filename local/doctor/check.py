"""One finding, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TextIO

from local.events.colour import FAINT, GREEN, RED, YELLOW, Paint, has_colours, paint, plain


class CheckState(StrEnum):
    """The seriousness of a finding."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """`what` was looked at and what was seen; `remedy`: what to do, if anything."""

    state: CheckState
    finding: str
    remedy: str = ""


_COLOURS: Final = {
    CheckState.OK: GREEN,
    CheckState.WARNING: YELLOW,
    CheckState.PROBLEM: RED,
    CheckState.SKIPPED: FAINT,
}
_WIDTH: Final = 8


def ok(finding: str) -> DoctorCheck:
    return DoctorCheck(CheckState.OK, finding)


def warning(finding: str, remedy: str) -> DoctorCheck:
    return DoctorCheck(CheckState.WARNING, finding, remedy)


def problem(finding: str, remedy: str) -> DoctorCheck:
    return DoctorCheck(CheckState.PROBLEM, finding, remedy)


def skip(finding: str, remedy: str) -> DoctorCheck:
    return DoctorCheck(CheckState.SKIPPED, finding, remedy)


def show(title: str, checks: Iterable[DoctorCheck], out: TextIO) -> list[DoctorCheck]:
    """Print each finding as it comes, below a title; returns them all."""
    print(f"\n{title}", file=out, flush=True)
    printed = []
    for check in checks:
        print(_line(check, paint if has_colours(out) else plain), file=out, flush=True)
        printed.append(check)
    return printed


def _line(check: DoctorCheck, coloured: Paint) -> str:
    name = coloured(f"{check.state:<{_WIDTH}}", _COLOURS[check.state])
    remedy = f"\n  {'':<{_WIDTH}} -> {check.remedy}" if check.remedy else ""
    return f"  {name} {check.finding}{remedy}"
