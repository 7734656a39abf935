"""The protocol of an analyzer, which finds more than patterns can, such as names of people.

An analyzer is not part of the core: it may need a model, and take its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Analyzer(Protocol):
    """Finds data in a text."""

    def find(self, text: str) -> Iterable[tuple[int, int, str]]:
        """Start and end of each finding, in characters, and its kind: `person`."""
        ...
