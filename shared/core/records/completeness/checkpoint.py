"""A checkpoint: the progress of an attempt at a step. The next attempt repeats at most one batch.

Exchanges are worked through in the order of their ids, so one id says which of them are done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.core.wire.json.json_shape import JsonObject, integer, mapping, text


@dataclass(kw_only=True, slots=True)
class Checkpoint:
    """The progress of one step of a run. Mutable: an attempt advances it and stores it."""

    step: str  # a checkpoint of another step does not count
    after: str = ""  # the last exchange of the last batch that was queued
    counts: Counter[str] = field(default_factory=Counter)

    def is_done(self, exchange_id: str) -> bool:
        """An earlier attempt dealt with this exchange."""
        return exchange_id <= self.after

    def to_json(self) -> JsonObject:
        """The progress as JSON, which `resume` reads."""
        return {"step": self.step, "after": self.after, "counts": dict(self.counts)}


def resume(step: str, stored: Mapping[str, object] | None) -> Checkpoint:
    """The checkpoint that an earlier attempt at this step stored; a new one if there is none."""
    if not stored or stored.get("step") != step:
        return Checkpoint(step=step)
    counts = {name: integer(count) or 0 for name, count in mapping(stored.get("counts")).items()}
    return Checkpoint(step=step, after=text(stored.get("after")), counts=Counter(counts))
