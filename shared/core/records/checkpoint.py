"""Progress: how far an attempt has come, so that the next attempt of the same step repeats no more
than its last batch.

Exchanges are worked through in the order of their ids, so one id says which of them are done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True, slots=True)
class Checkpoint:
    """Of one step of one run."""

    step: str  # which; the progress of another one counts for nothing
    after: str = ""  # the last exchange of the last batch that was queued
    counts: Counter[str] = field(default_factory=Counter)

    def is_done(self, exchange_id: str) -> bool:
        """An attempt before this one has dealt with it."""
        return exchange_id <= self.after

    def as_json(self) -> dict[str, Any]:
        """What `resume` reads."""
        return {"step": self.step, "after": self.after, "counts": dict(self.counts)}


def resume(step: str, fields: dict[str, Any] | None) -> Checkpoint:
    """What an attempt before this one has noted of this step; from the beginning where there was
    none.
    """
    if not fields or fields.get("step") != step:
        return Checkpoint(step=step)
    return Checkpoint(step=step, after=str(fields["after"]), counts=Counter(fields["counts"]))
