"""The destinations of what enrichment makes: the Event Hub and a collector of spans and metrics."""

from __future__ import annotations

from typing import Protocol

from shared.core.records.exchange.digests import Digests
from shared.core.telemetry.metrics import MetricPoint
from shared.core.telemetry.spans import Trace


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


class CollectorExport(Protocol):
    """Exports spans and points of metrics. No method waits or raises."""

    def export(self, trace: Trace) -> None:
        """Export the spans of a trace, and the event with prompt and answer if it has one. What the
        settings switch off is not exported.
        """
        ...

    def add(self, point: MetricPoint) -> None:
        """Add a point to its metric, unless the settings switch metrics off."""
        ...
