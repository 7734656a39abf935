"""What a proof found: counts, what explains them, and what should not have been."""

from __future__ import annotations

from dataclasses import dataclass, field


class NotProven(AssertionError):
    """Something that should hold did not; the message says what."""


@dataclass(kw_only=True)
class ProofResult:
    """Of one proof on one host."""

    title: str
    counts: dict[str, int | float | str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)  # sentences

    def check(self, *, holds: bool, sentence: str) -> None:
        """Note `sentence` as broken unless it holds."""
        if not holds:
            self.broken.append(sentence)

    def require(self) -> None:
        """Raises NotProven where anything is broken."""
        if self.broken:
            shown = "; ".join(self.broken[:10])
            raise NotProven(f"{self.title}: {shown}. Counts: {self.counts}")
