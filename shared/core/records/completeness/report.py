"""The reports of reconcile: the completeness of each window, and how its last run went. Storage and
the log hold the reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Self, get_type_hints

from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import JsonObject

RUN_BLOB: Final = "status/reconcile.json"  # holds the last run


@dataclass(kw_only=True, slots=True)
class Report:
    """The completeness of one window, as an auditor reads it."""

    window: str
    captured: int = 0  # exchanges with at least one capture
    delivered: int = 0  # captured exchanges that the ledger lists as delivered
    dead_lettered: int = 0  # captured exchanges that can never be delivered
    redelivered: int = 0  # queued again in this run: a capture says how they ended
    aborted: int = 0  # queued in this run: a request capture alone
    # The next two count only what the ledger recorded. An event that was delivered while the ledger
    # could not be written is in neither.
    duplicates: int = 0
    without_capture: int = 0  # delivered exchanges without a capture
    erased: int = 0  # erased by an operator; only `duplicates` counts them as well
    running: int = 0  # too recent to judge: they may still be relayed or enriched
    # missing, and not queued because this run had to stop; the next run continues
    not_requeued: int = 0
    waiting: str | None = None  # why the run had to stop
    ended: bool = False  # no exchange of this window can begin, or still be running

    @property
    def complete(self) -> bool:
        """Whether every exchange of the window is delivered or dead-lettered, and no other can
        follow.
        """
        return (
            self.ended and self.captured == self.delivered + self.dead_lettered and not self.running
        )

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Self:
        """The report that `to_json` wrote. Raises WrongType."""
        return typed_json.read(cls, dict(values))

    def to_json(self) -> JsonObject:
        """For the report blob, the log line and the orchestration's status."""
        return asdict(self) | {"complete": self.complete}


# The fields of a report that can be added up over windows.
COUNTS: Final = tuple(name for name, hint in get_type_hints(Report).items() if hint is int)


def last_run(began_at: datetime, waiting: str | None) -> JsonObject:
    """The last run of reconcile, as operators read it. `waiting`: why it may not begin; None if it
    began.
    """
    return {"at": began_at.isoformat(), "waiting": waiting}
