"""The protocols that enrichment needs of storage, Event Hub and ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.core.event.usage_claim import Claim
from shared.core.records.exchange.capture import StoredCapture
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.ports import DeadLetterSink
from shared.core.records.queue.follow_up import FollowUp
from shared.core.telemetry.delivery import DeliveryCause
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry
from shared.enrichment.assembled_event import AssembledEvent


class CaptureReader(Protocol):
    """Reads captures."""

    async def get(self, name: str | None) -> StoredCapture | None:
        """The capture; None if there is none. Raises StorageError or CaptureError."""
        ...


class OutcomeCaptures(Protocol):
    """The captures, as far as outcomes are stored among them."""

    async def put_if_absent(self, name: str, data: bytes) -> None:
        """Store a capture unless there is one of that name. Raises StorageError."""
        ...


class DeliveryCaptures(OutcomeCaptures, Protocol):
    """Stores outcomes and erases captures."""

    async def erase(self, name: str) -> bool:
        """Delete a capture; False if there is none. Raises StorageError."""
        ...

    async def erase_body(self, name: str) -> None:
        """Replace a capture by its header, with a mark; nothing if there is none. Raises
        StorageError or CaptureError.
        """
        ...


class EventAssembler(Protocol):
    """Builds events; large ones away from the event loop."""

    async def __call__(
        self,
        envelope: Envelope,
        request: StoredCapture | None,
        response: StoredCapture | None,
        limit_bytes: int,
    ) -> AssembledEvent:
        """The event, of at most `limit_bytes`. Raises AssemblyError, or StorageError if a large
        capture cannot be read, or if it cannot be known now what has to be redacted.
        """
        ...


class UsageClaimStore(Protocol):
    """Decides which exchange counts the usage of a background response. Raises StorageError."""

    async def claim(self, response_id: str, exchange_id: str) -> Claim:
        """The claim on a response's usage, the exchange's own or an earlier one."""
        ...

    async def holder(self, response_id: str) -> str | None:
        """The exchange that claimed a response's usage; None if none did."""
        ...

    async def release(self, claim: Claim) -> None:
        """The next exchange that claims this usage holds it."""
        ...


class FollowUpStarter(Protocol):
    """Follows background responses whose end nobody may come back for."""

    async def begin(self, follow_up: FollowUp) -> None:
        """Follow a response. Raises StorageError."""
        ...


class EventSink(Protocol):
    """The Event Hub."""

    async def limit_bytes(self) -> int:
        """The largest event that it accepts. Raises DeliveryError."""
        ...

    async def send(self, body: bytes, message_id: str, digests: Digests) -> None:
        """Returns when the event is accepted. `digests` are for the ledger. Raises EventTooLarge
        or EventRejected if this event never will be, otherwise DeliveryError.
        """
        ...


class DeliveryTelemetry(Protocol):
    """Reports deliveries to a collector. None of its methods waits or raises."""

    def accepted(
        self, exchange: ExchangeTelemetry, cause: DeliveryCause, queued_ns: int | None
    ) -> None:
        """The Event Hub has accepted the event of an exchange."""
        ...

    def delivering(self) -> None:
        """A delivery begins."""
        ...


class EnrichmentLedger(Protocol):
    """The ledger of deliveries."""

    async def delivered(self, events: Sequence[AcceptedEvent]) -> None:
        """Note that the Event Hub accepted these events. Does not raise."""
        ...


class EnrichmentDeadLetters(DeadLetterSink, Protocol):
    """The dead letters. Each method raises StorageError."""

    async def record_event_rejection(self, exchange_id: str) -> None:
        """Note that the Event Hub rejected the exchange's event. The poison handler counts that."""
        ...
