"""The queue of envelopes, which triggers enrichment, and the queue of follow-ups, the background
responses to poll. Each method raises StorageError.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from shared.core.records.exchange.envelope import Envelope
from shared.core.records.queue.follow_up import FollowUp, QueuedFollowUp


class EnvelopeSink(Protocol):
    """Takes envelopes."""

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope, perhaps in one message with others."""
        ...


class DelayedEnvelopeSink(Protocol):
    """Takes envelopes for later."""

    async def put_later(self, envelope: Envelope, wait_s: int) -> None:
        """Queue an envelope in a message of its own, visible after `wait_s` seconds."""
        ...


class QueueLength(Protocol):
    """The length of a queue."""

    async def approximate_length(self) -> int:
        """About how many messages there are: those that wait, are hidden until later, or are worked
        on.
        """
        ...

    async def oldest_at(self) -> datetime | None:
        """The time at which the first message that waits was queued; None if none waits."""
        ...


class FollowUpStore(Protocol):
    """Queues follow-ups, and gives out those that are due."""

    async def add(self, follow_up: FollowUp, wait_s: int) -> None:
        """Queue a follow-up, visible after `wait_s` seconds."""
        ...

    async def take(self, count: int, visibility_timeout_s: int) -> list[QueuedFollowUp]:
        """Up to `count` messages that are due; `count` is at most 32. Each becomes visible again
        after `visibility_timeout_s` seconds unless it is postponed or removed.
        """
        ...

    async def postpone(self, message: QueuedFollowUp, follow_up: FollowUp, wait_s: int) -> None:
        """Replace a message's follow-up, and hide it for `wait_s` seconds."""
        ...

    async def remove(self, message: QueuedFollowUp) -> None:
        """Delete a message."""
        ...
