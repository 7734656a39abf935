"""The claims on the usage of background responses. Each method raises StorageError."""

from __future__ import annotations

from typing import Protocol

from shared.core.event.usage_claim import Claim


class UsageClaimStore(Protocol):
    """Decides which exchange counts the usage of a background response."""

    async def claim(self, response_id: str, exchange_id: str) -> Claim:
        """The claim on a response's usage, the exchange's own or an earlier one. The holder of an
        earlier one is "" if it was released meanwhile or cannot be read: it counts as another
        exchange's.
        """
        ...

    async def holder(self, response_id: str) -> str | None:
        """The exchange that claimed a response's usage; None if none did, or if the claim cannot be
        read.
        """
        ...

    async def release(self, claim: Claim) -> None:
        """Give a claim up: the next exchange that claims this usage holds it."""
        ...
