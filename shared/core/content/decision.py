"""The decision of which content mode an exchange has, and why."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.content.mode import ContentMode


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentDecision:
    """The content mode of one exchange."""

    mode: ContentMode = ContentMode.FULL
    rule: str | None = None  # what set it: `CONTENT_MODE`
