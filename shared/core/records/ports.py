"""The stores that several use cases need of the adapters, stated once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.envelope import Envelope


class JsonStore(Protocol):
    """Small JSON objects by name. Each method raises StorageError."""

    async def get(self, name: str) -> dict[str, Any] | None:
        """The object; None if there is none, or if the stored text is not a JSON object."""
        ...

    async def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Store an object in place of an earlier one."""
        ...

    async def put_if_absent(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Store an object; False if there is one already."""
        ...

    async def delete(self, name: str) -> bool:
        """Delete an object; False if there is none."""
        ...

    def names(self, prefix: str) -> AsyncIterator[str]:
        """The names with that prefix, in their order."""
        ...


class CaptureSink(Protocol):
    """The captures. Each method raises StorageError."""

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        """Store a capture, in place of an earlier one."""
        ...


class EnvelopeSink(Protocol):
    """The queue that triggers enrichment."""

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope. Raises StorageError."""
        ...


class DeadLetterSink(Protocol):
    """The dead letters. Each method raises StorageError."""

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        """Note that an exchange can never be delivered; False if it is noted already."""
        ...


class ErasedExchanges(Protocol):
    """The exchanges that operators erased."""

    async def is_erased(self, exchange_id: str) -> bool:
        """Whether an operator erased the exchange. Raises StorageError."""
        ...


class QueueLength(Protocol):
    """The length of a queue. Each method raises StorageError."""

    async def approximate_length(self) -> int:
        """The number of messages that wait or are worked on."""
        ...

    async def oldest_at(self) -> datetime | None:
        """The time at which the oldest waiting message was queued; None if none waits."""
        ...
