"""Enrichment: envelope + captures -> event -> Event Hub. Done means that the Event Hub accepted the
event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Final, Protocol

from shared.core.event import usage_claim
from shared.core.event.usage_claim import Claim
from shared.core.records.capture import Capture
from shared.core.records.envelope import Envelope, load
from shared.enrichment.assembly import Assembled
from shared.enrichment.delivery_log import DeliveryLog
from shared.errors import AssemblyError, CaptureError, EventRefused, EventTooLarge

_log = logging.getLogger("fnsse.enrichment")


LARGE_BYTES: Final = 4 * 1024 * 1024  # of both captures
# the smallest Event Hub's: whether an event can be built does not depend on it
_ANY_LIMIT_BYTES: Final = 256 * 1024


class CaptureReader(Protocol):
    """Where captures are."""

    async def get(self, name: str | None) -> Capture | None: ...


class Assembly(Protocol):
    """Builds the event, away from the event loop where it is large."""

    async def __call__(
        self,
        message: Envelope,
        request: Capture | None,
        response: Capture | None,
        limit_bytes: int,
        *,
        usage_repeated: bool | None = None,
    ) -> Assembled: ...


class Claims(Protocol):
    """Who counts the usage of a background response."""

    async def claim(self, response_id: str, exchange_id: str) -> Claim: ...
    async def give_up(self, claim: Claim) -> None: ...


class EventSink(Protocol):
    """Where events go."""

    async def limit_bytes(self) -> int: ...
    async def send(self, body: bytes, message_id: str) -> None: ...


class EnrichmentLedger(Protocol):
    """Where it is noted that an exchange can never be delivered, or may turn out so."""

    async def dead_letter(self, exchange_id: str, reason: str) -> bool: ...
    async def record_event_refusal(self, exchange_id: str) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Event:
    body: bytes  # JSON
    claim: Claim | None  # on the usage that it carries, where there has to be one


class Enrichment:
    """One per worker."""

    def __init__(
        self,
        captures: CaptureReader,
        assemble: Assembly,
        claims: Claims,
        event_hub: EventSink,
        ledger: EnrichmentLedger,
    ) -> None:
        self._captures = captures
        self._assemble = assemble
        self._claims = claims
        self._event_hub = event_hub
        self._ledger = ledger
        self._delivery_log = DeliveryLog()
        # sixteen messages at once may each name captures of 100 MB
        self._one_large = asyncio.Lock()

    async def deliver(self, message: bytes) -> None:
        """Returns when the event of this envelope was accepted, or the exchange is dead-lettered
        because its event never can be.

        Raises EnvelopeError, AssemblyError, DeliveryError or StorageError; the queue then brings
        the message again.
        """
        envelope = load(message)
        try:
            event = await self._event(envelope, await self._event_hub.limit_bytes())
            await self._send(event, envelope.exchange_id)
            await self._delivery_log.accepted(envelope)
        except CaptureError as error:
            await self._dead_letter(envelope, "corrupt_capture", error)
        except EventTooLarge as error:
            await self._dead_letter(envelope, "too_large", error)
        except EventRefused:
            # an Event Hub that is set up wrongly says so of every event: the poison queue counts
            if not envelope.replayed:
                await self._ledger.record_event_refusal(envelope.exchange_id)
            raise

    async def undeliverable_reason(self, envelope: Envelope) -> str | None:
        """Why no event can be built of this envelope, in a word; None where it can, whether or not
        it can be delivered now.

        Raises StorageError where the captures cannot be read.
        """
        try:
            await self._give_up(await self._event(envelope, _ANY_LIMIT_BYTES))
        except AssemblyError:
            return "assembly_failed"
        except CaptureError:
            return "corrupt_capture"
        return None

    async def _send(self, event: _Event, exchange_id: str) -> None:
        try:
            await self._event_hub.send(event.body, exchange_id)
        except (EventTooLarge, EventRefused):
            await self._give_up(event)
            raise

    async def _give_up(self, event: _Event) -> None:
        """This attempt delivers nothing, so another exchange may count the usage that it has
        claimed.
        """
        if event.claim is not None and event.claim.new:
            await self._claims.give_up(event.claim)

    async def _event(self, envelope: Envelope, limit_bytes: int) -> _Event:
        large = envelope.request_bytes + envelope.response_bytes > LARGE_BYTES
        async with self._one_large if large else contextlib.nullcontext():
            request, response = await asyncio.gather(
                self._captures.get(envelope.request_capture),
                self._captures.get(envelope.response_capture),
            )
            assembled = await self._assemble(envelope, request, response, limit_bytes)
            if assembled.claims is None:
                return _Event(body=assembled.body, claim=None)
            claim = await self._claims.claim(assembled.claims, envelope.exchange_id)
            repeated = usage_claim.is_repeated(envelope.exchange_id, claim.holder)
            # once for each response that is polled: the guess was wrong
            if repeated is not assembled.usage_repeated:
                assembled = await self._assemble(
                    envelope, request, response, limit_bytes, usage_repeated=repeated
                )
            return _Event(body=assembled.body, claim=claim)

    async def _dead_letter(self, envelope: Envelope, reason: str, error: Exception) -> None:
        if await self._ledger.dead_letter(envelope.exchange_id, reason):
            _log.error(
                "Exchange %s can never be delivered and is dead-lettered (%s): %s",
                envelope.exchange_id,
                reason,
                error,
            )
