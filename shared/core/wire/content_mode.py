"""The content modes, as a caller's header, the headers of captures and envelopes name them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ContentMode(StrEnum):
    """The part of an exchange's content that is recorded, from the most to the least."""

    FULL = "full"  # bodies in captures, texts in events
    # texts in events without what detectors find; bodies in captures until the event is accepted
    REDACTED = "redacted"
    # no body is ever written: captures hold their header, events the figures
    METADATA = "metadata"

    @property
    def stores_bodies(self) -> bool:
        """Whether captures hold the bodies of requests and responses."""
        return self is not ContentMode.METADATA

    @property
    def strictness(self) -> int:
        """The higher, the less is recorded."""
        return list(ContentMode).index(self)


STRICTEST: Final = list(ContentMode)[-1]
