"""Keeps the redactor of the newest custom patterns, because compiling one takes 10 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.core.content.detect.custom import CustomPatterns

if TYPE_CHECKING:
    from shared.core.content.detect.analysis import Analyzer
    from shared.core.content.detect.redactor import Redactor


class RedactorCache:
    """At most one redactor: all exchanges have the same policy, until there is another version."""

    def __init__(self, analyzer: Analyzer | None = None) -> None:
        """`analyzer` finds more than the detectors; None: there is none."""
        self._analyzer = analyzer
        self._redactor: Redactor | None = None
        self._patterns: CustomPatterns | None = None  # the patterns of that redactor

    def get(self, patterns: CustomPatterns) -> Redactor:
        """The redactor of the built-in detectors and these patterns. Raises ContentPolicyError."""
        # takes 30 ms to import, and is needed in one content mode alone
        from shared.core.content.detect.redactor import Redactor

        if self._redactor is None or self._patterns != patterns:
            self._redactor, self._patterns = Redactor(patterns, self._analyzer), patterns
        return self._redactor
