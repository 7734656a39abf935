"""Enrichment: envelope + captures -> event -> Event Hub. Done means that the Event Hub accepted the event."""

from __future__ import annotations

from typing import Protocol

from shared.core.capture import Capture
from shared.core.envelope import Envelope, load


class CaptureReader(Protocol):
    """Where captures are."""

    async def get(self, name: str | None) -> Capture | None: ...


class Assembly(Protocol):
    """Builds the event, away from the event loop where it is large."""

    async def __call__(
        self, message: Envelope, request: Capture | None, response: Capture | None, limit_bytes: int
    ) -> bytes: ...


class EventSink(Protocol):
    """Where events go."""

    async def limit_bytes(self) -> int: ...
    async def send(self, body: bytes, message_id: str) -> None: ...


class Enrichment:
    """One per worker."""

    def __init__(self, captures: CaptureReader, assemble: Assembly, event_hub: EventSink) -> None:
        self._captures = captures
        self._assemble = assemble
        self._event_hub = event_hub

    async def deliver(self, message: bytes) -> None:
        """Returns when the event of this envelope was accepted.

        Raises EnvelopeError, CaptureError, DeliveryError or AzureError; the queue then brings the message again.
        """
        envelope = load(message)
        request = await self._captures.get(envelope.request_capture)
        response = await self._captures.get(envelope.response_capture)
        body = await self._assemble(envelope, request, response, await self._event_hub.limit_bytes())
        await self._event_hub.send(body, envelope.exchange_id)
