"""Prepares the event of an envelope: reads its captures, builds it and claims its usage.

A worker prepares hundreds of events at once when it has a backlog. So the captures of small
exchanges share a budget of bytes. Those of large ones are read in pieces, one exchange at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from shared.concurrency.limits import ByteBudget
from shared.core.event import usage_claim
from shared.core.event.usage_claim import Claim
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.capture import ReadableCapture
from shared.core.records.exchange.envelope import Envelope
from shared.enrichment.assembled_event import AssembledEvent
from shared.enrichment.stored_captures import StoredExchange, read_stored
from shared.errors import AssemblyError, CaptureError, CaptureExpired, StorageError
from shared.ports.blobs import UsageClaimStore
from shared.ports.captures import CaptureReader
from shared.ports.ledger import ErasedExchanges
from shared.settings.timeouts import DELIVERY_S

_log = logging.getLogger("fnsse.enrichment")

LARGE_BYTES: Final = 4 * 1024 * 1024  # the size of both captures together
# Captures and events in memory, the captures of large exchanges excepted.
MAX_HELD_BYTES: Final = 24 * LARGE_BYTES
_ENVELOPE_BYTES: Final = 8 * 1024  # the least that an exchange counts as
_LARGEST_EVENT_BYTES: Final = 1024 * 1024
# Exchanges whose captures are read at once. A worker has a hundred connections to the blobs
# (`StorageHttp`), and the relay's captures must not wait for those of enrichment.
MAX_CONCURRENT_READS: Final = 24
# The limit of the smallest Event Hub. Whether an event can be built does not depend on it.
_ANY_LIMIT_BYTES: Final = 256 * 1024


class EventAssembler(Protocol):
    """Builds events; large ones away from the event loop."""

    async def __call__(
        self,
        envelope: Envelope,
        request: ReadableCapture | None,
        response: ReadableCapture | None,
        limit_bytes: int,
    ) -> AssembledEvent:
        """The event, of at most `limit_bytes`. Raises AssemblyError, or StorageError if a large
        capture cannot be read, or if it cannot be known now what has to be redacted.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedEvent:
    """An event that is ready to be sent."""

    event: AssembledEvent  # in the form that is sent
    claim: Claim | None  # the claim on the event's usage; None if none is needed


class EventPreparation:
    """Prepares events. Belongs to one event loop."""

    def __init__(
        self,
        *,
        captures: CaptureReader,
        assemble: EventAssembler,
        claims: UsageClaimStore,
        erased_exchanges: ErasedExchanges,
        timeout_s: float = DELIVERY_S,
        max_held_bytes: int = MAX_HELD_BYTES,
        max_concurrent_reads: int = MAX_CONCURRENT_READS,
    ) -> None:
        """`timeout_s` bounds `undeliverable_reason`; a delivery bounds its own time.
        `max_held_bytes` bounds the captures and events in memory, `max_concurrent_reads` the
        exchanges whose captures are read at once.
        """
        self._captures = captures
        self._assemble = assemble
        self._claims = claims
        self._erased_exchanges = erased_exchanges
        self._timeout_s = timeout_s
        self._one_large = asyncio.Lock()
        self._memory = ByteBudget(max_held_bytes)
        self._reading = asyncio.Semaphore(max_concurrent_reads)

    def hold_memory(self, envelope: Envelope) -> AbstractAsyncContextManager[None]:
        """Waits until there is memory for the exchange, and holds it while its event is prepared
        and sent.
        """
        return self._memory.hold(_held_bytes(envelope))

    async def prepare(self, envelope: Envelope, limit_bytes: int) -> PreparedEvent | None:
        """The event, of at most `limit_bytes`; None if the exchange is erased, or if its bodies
        were erased after the event was accepted.

        Raises AssemblyError, StorageError, CaptureError, or CaptureExpired if the captures'
        retention is over.
        """
        large = _captures_bytes(envelope) > LARGE_BYTES
        async with self._one_large if large else contextlib.nullcontext():
            async with self._reading:
                stored = await read_stored(self._captures.get, envelope)
            if stored.is_expired:
                raise CaptureExpired("the captures' retention is over")
            if await self._is_erased(stored):
                return None
            assembled = await self._assemble(
                stored.envelope, stored.request, stored.response, limit_bytes
            )
        return await self._resolve_claim(assembled, envelope.exchange_id)

    async def release(self, prepared: PreparedEvent) -> None:
        """Release the event's claim: it is not delivered, so another exchange may count the usage.
        Raises StorageError.
        """
        if prepared.claim is not None and prepared.claim.new:
            await self._claims.release(prepared.claim)

    async def undeliverable_reason(self, envelope: Envelope) -> DeadLetterReason | None:
        """The reason why no event can be built from this envelope; None if it can, whether or not
        the event can be delivered now.

        Raises StorageError if the captures cannot be read, or that takes too long.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                prepared = await self.prepare(envelope, _ANY_LIMIT_BYTES)
                if prepared is not None:
                    await self.release(prepared)
        except TimeoutError:
            raise StorageError(f"no event could be built within {self._timeout_s:g} s") from None
        except AssemblyError as error:
            _log.warning("Exchange %s: %s", envelope.exchange_id, error)
            return DeadLetterReason.ASSEMBLY_FAILED
        except CaptureExpired:
            return DeadLetterReason.EXPIRED
        except CaptureError:
            return DeadLetterReason.CORRUPT_CAPTURE
        return None

    async def _is_erased(self, stored: StoredExchange) -> bool:
        return stored.is_erased or (
            stored.lacks_capture
            and await self._erased_exchanges.is_erased(stored.envelope.exchange_id)
        )

    async def _resolve_claim(self, assembled: AssembledEvent, exchange_id: str) -> PreparedEvent:
        """Choose the form of the event by the claim on its usage."""
        claim, repeated = None, False
        if assembled.claims is not None:
            claim = await self._claims.claim(assembled.claims, exchange_id)
            repeated = usage_claim.belongs_to_another(exchange_id, claim.holder)
        elif assembled.without_usage is not None:
            repeated = await self._claims.holder(assembled.without_usage) is not None
        return PreparedEvent(event=assembled.resolve(repeated=repeated), claim=claim)


def _captures_bytes(envelope: Envelope) -> int:
    return envelope.request_bytes + envelope.response_bytes


def _held_bytes(envelope: Envelope) -> int:
    """The part of `max_held_bytes` that a delivery holds for its captures, later for its event. A
    large exchange counts as its event alone, because one at a time reads its captures.
    """
    count = _captures_bytes(envelope)
    return _LARGEST_EVENT_BYTES if count > LARGE_BYTES else max(count, _ENVELOPE_BYTES)
