"""The queue of envelopes, which triggers enrichment. Each method raises StorageError."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from shared.core.records.exchange.envelope import Envelope


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
