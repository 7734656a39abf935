"""The Event Hub, the destination of events."""

from __future__ import annotations

from typing import Protocol

from shared.core.records.exchange.digests import Digests


class EventSink(Protocol):
    """Takes events."""

    async def limit_bytes(self) -> int:
        """The size of the largest event body that it accepts. Raises DeliveryError."""
        ...

    async def send(self, body: bytes, message_id: str, digests: Digests) -> None:
        """Returns when the event is accepted. `message_id` is the exchange's id; `digests` are for
        the ledger.

        Raises EventTooLarge or EventRejected if this event never will be, otherwise DeliveryError.
        """
        ...


class ProbedEventHub(Protocol):
    """Tells whether it takes events now."""

    async def probe(self) -> None:
        """Raises DeliveryError unless the Event Hub answers and takes events."""
        ...
