"""The operator's custom patterns and words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.core.content.detect.detector import Detector


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomPatterns:
    """An operator's patterns and words beside the built-in detectors, by kind."""

    patterns: Mapping[str, str] = field(default_factory=dict)  # in RE2's syntax
    # matched as whole words of any case
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_PATTERNS: Final = CustomPatterns()


class CustomPattern(Detector):
    """A pattern of the operator's."""

    def __init__(self, kind: str, pattern: str) -> None:
        self.kind = kind  # type: ignore[misc]  # a class for each pattern would say no more
        self.pattern = pattern  # type: ignore[misc]


class CustomWords(CustomPattern):
    """A list of words of the operator's."""

    def __init__(self, kind: str, words: tuple[str, ...]) -> None:
        # the longest first: RE2 takes the first alternative that matches
        longest_first = sorted(words, key=len, reverse=True)
        super().__init__(kind, "(?i:" + "|".join(map(_literal, longest_first)) + ")")

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        before = data[max(start - 4, 0) : start].decode("utf-8", "ignore")[-1:]
        after = data[end : end + 4].decode("utf-8", "ignore")[:1]
        return None if before.isalnum() or after.isalnum() else (start, end)


def detectors(custom: CustomPatterns) -> tuple[Detector, ...]:
    """A detector for each kind."""
    return (
        *(CustomPattern(kind, pattern) for kind, pattern in custom.patterns.items()),
        *(CustomWords(kind, words) for kind, words in custom.words.items()),
    )


def _literal(word: str) -> str:
    return re.sub(r"([^\w\s])", r"\\\1", word)
