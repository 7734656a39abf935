"""The values that the orchestration of reconcile passes on: its options, the inputs of its
activities, and its progress. Durable stores them as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Self

from shared.core.records.completeness.report import COUNTS, Report
from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import JsonObject, text

_MAX_SHOWN: Final = 24  # windows: a custom status may hold 16 KB


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconcileOptions:
    """The input of the orchestration `reconcile`."""

    max_age_s: float  # an exchange that is older is not running any more
    include_open: bool  # reconcile windows as well whose hour has not ended

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """The options that `to_json` wrote. Raises WrongType."""
        return typed_json.read(cls, {**fields, "include_open": _includes_open(fields)})

    def to_json(self) -> JsonObject:
        """The input as Durable stores it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenWindowsInput:
    """The input of the activity `reconcile_open_windows`."""

    until: datetime  # exchanges that started before are judged
    include_open: bool

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """The input that `to_json` wrote. Raises ValueError."""
        return cls(until=_moment(fields["until"]), include_open=_includes_open(fields))

    def to_json(self) -> JsonObject:
        """The input as Durable passes it to the activity."""
        return {"until": self.until.isoformat(), "include_open": self.include_open}


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowInput:
    """The input of the activity `reconcile_window`."""

    window: str
    until: datetime  # exchanges that started before are judged

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """The input that `to_json` wrote. Raises ValueError."""
        return cls(window=text(fields["window"]), until=_moment(fields["until"]))

    def to_json(self) -> JsonObject:
        """The input as Durable passes it to the activity."""
        return {"window": self.window, "until": self.until.isoformat()}


def progress(reports: Sequence[Report], windows_total: int) -> JsonObject:
    """The orchestration's custom status: sums, and the newest windows in which something is
    missing.
    """
    incomplete = [report.to_json() for report in reports if not report.complete]
    return {
        "windows_done": len(reports),
        "windows_total": windows_total,
        **{name: sum(getattr(report, name) for report in reports) for name in COUNTS},
        "incomplete": [*incomplete[-_MAX_SHOWN:]],
    }


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(text(value))


def _includes_open(fields: Mapping[str, object]) -> bool:
    """Whether a run includes open windows. Version 2 of the orchestrators called it `open_too`."""
    return fields.get("include_open", fields.get("open_too")) is True
