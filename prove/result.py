"""The result of a proof: counts, and sentences about what does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field


class NotProven(AssertionError):
    """A proof does not hold; the message says why."""


@dataclass(kw_only=True)
class ProofResult:
    """The result of one proof on one host."""

    title: str
    counts: dict[str, int | float | str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)  # a sentence for each claim that fails

    def check(self, *, holds: bool, sentence: str) -> None:
        """Record `sentence` as broken unless it holds."""
        if not holds:
            self.broken.append(sentence)

    def require(self) -> None:
        """Raise NotProven if anything is broken."""
        if self.broken:
            examples = "; ".join(self.broken[:10])
            raise NotProven(f"{self.title}: {examples}. Counts: {self.counts}")
