"""The result of a proof: counts, and sentences about what does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

type Progress = Callable[[str], None]  # called with a sentence after each step


class NotProven(AssertionError):
    """A proof does not hold; the message says why."""


class FaultGroup(StrEnum):
    """The faults of a proof: a row of the document's first table."""

    KILLED = "`kill -9` of host or worker, at every moment of an exchange"
    KILLED_LARGE = "`kill -9` under prompts of 2 and 9 MB"
    STORAGE = "storage is away, silent, or its responses are lost"
    STOPPED_IN_OUTAGE = "SIGTERM while storage is away"
    SHUTDOWN = "SIGTERM under load"
    EVENT_HUB = "the Event Hub is away"
    RANDOM = "all of these at random"
    OTHER = ""  # has no row: nothing can be lost by it


@dataclass(kw_only=True)
class ProofResult:
    """The result of one proof on one host."""

    title: str
    group: FaultGroup = FaultGroup.OTHER
    policy: str = "best_effort"  # CAPTURE_POLICY
    counts: dict[str, int | float | str] = field(default_factory=dict)
    # a table besides the counts: its header, then its rows
    rows: list[tuple[str, ...]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # a sentence for each claim that fails

    def check(self, *, holds: bool, sentence: str) -> None:
        """Record `sentence` as broken unless it holds."""
        if not holds:
            self.broken.append(sentence)

    def require(self) -> None:
        """Raise NotProven if anything is broken."""
        if self.broken:
            sentences = "; ".join(self.broken[:10])
            raise NotProven(f"{self.title}: {sentences}. Counts: {self.counts}")
