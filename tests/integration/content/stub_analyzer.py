"""An analyzer at the seam, for tests of the process that runs one: it finds the names that it is
given, and fails or hangs over certain texts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping

SLOW, FAILING, ENDING = "slow-plum", "failing-plum", "ending-plum"


class StubAnalyzer:
    """Finds names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: by kind."""
        self._names = names

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        print("what a library prints is not an answer")  # noqa: T201
        if SLOW in text:
            time.sleep(600)
        if FAILING in text:
            raise RuntimeError(text)
        if ENDING in text:
            raise SystemExit(1)
        for kind, name in self._names.items():
            for match in re.finditer(name, text):
                yield match.start(), match.end(), kind


def make_analyzer(names: Mapping[str, str]) -> StubAnalyzer:
    """The function that the process calls. Its analyzer has no model for the language `xx`."""
    if "xx" in names:
        raise OSError("no such model")
    return StubAnalyzer(names)
