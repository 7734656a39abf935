"""The content modes."""

from __future__ import annotations

from enum import StrEnum


class ContentMode(StrEnum):
    """What of an exchange's content is recorded, from the most to the least."""

    FULL = "full"  # bodies in captures, texts in events
    # of the bodies nothing is ever written: captures hold their header, events what was counted
    METADATA = "metadata"

    @property
    def stores_bodies(self) -> bool:
        """Whether captures hold the bodies of requests and answers."""
        return self is not ContentMode.METADATA
