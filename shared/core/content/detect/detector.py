"""The finders of data in a text: a detector, by a pattern for candidates and a check that rejects
look-alikes, or an analyzer, which finds more than patterns can.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, Protocol

_ALL_BUT_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))


class Detector:
    """Finds one kind of data. A subclass has at least `kind` and `pattern`."""

    kind: ClassVar[str]  # findings are counted under it; in capitals, it replaces them
    # In RE2's syntax. If it has groups, the one that took part in the match is the candidate.
    pattern: ClassVar[str]

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        """The bytes to replace, of a candidate from `start` to `end` of `data`; None for a
        look-alike.
        """
        return (start, end) if self.is_valid(data[start:end]) else None

    def is_valid(self, _candidate: bytes) -> bool:
        """Whether the candidate, a text in UTF-8, is what it looks like. A text may consist of
        look-alikes, so the cheapest check comes first.
        """
        return True


class Analyzer(Protocol):
    """Finds data in a text that no pattern finds, such as names of people. It is not part of the
    core: it may need a model, and take its time.
    """

    def find(self, text: str) -> Iterable[tuple[int, int, str]]:
        """Start and end of each finding, in characters, and its kind: `person`."""
        ...


def digits_of(text: bytes) -> bytes:
    """The ASCII digits of a text in UTF-8."""
    return text.translate(None, _ALL_BUT_DIGITS)
