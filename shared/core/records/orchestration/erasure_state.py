"""The values that the orchestration of an erasure passes on: its state, the input and the result of
each step. Durable stores them as JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Self

from shared.core.records.operator.erasure_receipt import ErasureCounts, OperatorIdentity
from shared.core.records.orchestration.durable_value import DurableValue
from shared.core.wire.json.json_shape import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasurePosition:
    """The next step of a run."""

    part: int = 0  # the window, or the hundred of ids
    marker: str | None = None  # where the page begins in the window; None: its first page
    page: int = 0  # the number of the page within the run

    def after_page(self, part: int, marker: str | None) -> Self:
        """The position after a page of that part. `marker`: of the part's next page; None if it was
        the last one.
        """
        return replace(self, part=part + (marker is None), marker=marker, page=self.page + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureStep(DurableValue):
    """The result of one step of a run."""

    position: ErasurePosition  # where the next step begins
    counts: ErasureCounts


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureState(DurableValue):
    """The progress of a run. The orchestration has it as its input, and so can continue as new."""

    request: JsonObject  # ErasureRequest.to_json: hashes of callers, never their ids
    operator: OperatorIdentity
    requested_at: str  # UTC, ISO 8601 with offset
    part_count: int
    position: ErasurePosition = field(default_factory=ErasurePosition)
    counts: ErasureCounts = field(default_factory=ErasureCounts)

    @property
    def finished(self) -> bool:
        """Whether every part is done."""
        return self.position.part >= self.part_count

    def after(self, step: ErasureStep) -> Self:
        """The state once this step is done."""
        return replace(self, position=step.position, counts=self.counts + step.counts)

    def progress(self) -> JsonObject:
        """The orchestration's custom status. A part is an hour, or a hundred ids."""
        return {
            "dry_run": self.request["dry_run"],
            "parts_done": self.position.part,
            "parts_total": self.part_count,
            **asdict(self.counts),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureInput(DurableValue):
    """The input of the activities `erase_page` and `erase_receipt`."""

    run: str
    state: ErasureState
