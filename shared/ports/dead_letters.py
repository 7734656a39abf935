"""The dead letters, and what operators did about them. Each method raises StorageError.

The list also has exchanges whose replay failed, with that reason: it says nothing of their own
delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.core.records.delivery.dead_letter import DeadLetterReason, DeadLetterRecord


class DeadLetterSink(Protocol):
    """Takes dead letters."""

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        """Note that an exchange can never be delivered; False if that was noted already, unless it
        was listed for a failed replay only.
        """
        ...


class EventRejections(Protocol):
    """The rejections by the Event Hub that were not counted yet."""

    async def take_event_rejection(self, exchange_id: str) -> bool:
        """Whether the Event Hub rejected the exchange's event since the last call."""
        ...


class DeliveryFailures(DeadLetterSink, EventRejections, Protocol):
    """Takes the failures of enrichment."""

    async def record_event_rejection(self, exchange_id: str) -> None:
        """Note that the Event Hub rejected the exchange's event. The poison handler counts that."""
        ...

    async def list_failed_replay(self, exchange_id: str) -> None:
        """List that the replay of an exchange failed; nothing if the exchange is listed already."""
        ...


class DeadLetterListing(Protocol):
    """Lists dead letters."""

    async def dead_letters(self, limit: int) -> list[DeadLetterRecord]:
        """The dead letters of the oldest exchanges, at most `limit`."""
        ...

    async def dead_letter_count(self, limit: int) -> int:
        """The number of dead letters, at most `limit`."""
        ...


class DeadLetterRemoval(EventRejections, Protocol):
    """Forgets that an exchange cannot be delivered."""

    async def dead_letter_reason(self, exchange_id: str) -> str | None:
        """The reason why the exchange is dead-lettered; None if it is not."""
        ...

    async def remove_dead_letter(self, exchange_id: str) -> bool:
        """Take an exchange off the dead letters; False if it is not among them."""
        ...


class DeadLetterOperations(DeadLetterListing, DeadLetterRemoval, Protocol):
    """Lists, reopens and removes dead letters."""

    async def reopen(self, exchange_id: str) -> None:
        """Judge the exchange again: dead letters until now no longer count."""
        ...


class ReopenedWindows(DeadLetterSink, Protocol):
    """Takes dead letters, and knows which windows are judged again."""

    async def reopened_windows(self) -> set[str]:
        """The windows in which an exchange was reopened, however old they are."""
        ...

    async def close_reopened(self, window: str, reopened_ms: Mapping[str, int]) -> None:
        """Forget the reopened exchanges of a complete window. `reopened_ms`: by exchange, when it
        was reopened at the latest, in unix milliseconds, as its judgement knew it. One that was
        reopened later stays open.
        """
        ...
