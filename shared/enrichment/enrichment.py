"""Enrichment: envelope + captures -> event -> Event Hub. An envelope is done when the Event Hub has
accepted its event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import Final

from shared.concurrency.byte_budget import ByteBudget
from shared.core.event import usage_claim
from shared.core.event.usage_claim import Claim
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import digests
from shared.core.records.exchange.capture import (
    CaptureKind,
    capture_name,
    of_outcome,
    outcome_name,
)
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from shared.core.records.exchange.envelope import Envelope, to_fields
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.queue import follow_up as follow_ups
from shared.core.telemetry.delivery import cause_of
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry
from shared.core.wire.content_mode import ContentMode
from shared.enrichment.assembled_event import AssembledEvent
from shared.enrichment.delivery_log import DeliveryLog
from shared.enrichment.ports import (
    DeliveryCaptures,
    DeliveryTelemetry,
    EnrichmentLedger,
    EventAssembler,
    EventSink,
    FollowUpStarter,
    UsageClaimStore,
)
from shared.enrichment.retention_marks import RetentionMarks
from shared.enrichment.stored_captures import read_stored
from shared.errors import (
    AssemblyError,
    CaptureError,
    CaptureExpired,
    DeliveryError,
    EventRejected,
    EventTooLarge,
    StorageError,
)
from shared.settings.timeouts import DELIVERY_S

_log = logging.getLogger("fnsse.enrichment")

LARGE_BYTES: Final = 4 * 1024 * 1024  # of both captures
# Captures and events in memory, the captures of large exchanges excepted.
_HELD_BYTES: Final = 24 * LARGE_BYTES
_ENVELOPE_BYTES: Final = 8 * 1024  # the least that an exchange counts as
_LARGEST_EVENT_BYTES: Final = 1024 * 1024
# Exchanges whose captures are read at once. A worker has a hundred connections to the blobs
# (`StorageHttp`), and the relay's captures must not wait for those of enrichment.
_READS_AT_ONCE: Final = 24
# The smallest Event Hub's. Whether an event can be built does not depend on the limit.
_ANY_LIMIT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class _ClaimedEvent:
    body: bytes  # JSON
    outcome: Outcome  # as the event says
    claim: Claim | None  # on the usage in the event; None if no claim is needed
    pending_response: str | None  # the response to follow
    telemetry: ExchangeTelemetry | None  # None: telemetry is switched off
    digests: Digests  # of its captures and itself
    altered: tuple[str, ...]  # what of its captures was altered


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageMetadata:
    """What the queue says of the message that an envelope came in."""

    queued_ns: int | None = None  # unix time; None: not known
    tries: int = 1  # how often the queue has delivered it


class Enrichment:
    """Delivers the events of envelopes."""

    def __init__(
        self,
        captures: DeliveryCaptures,
        assemble: EventAssembler,
        claims: UsageClaimStore,
        event_hub: EventSink,
        ledger: EnrichmentLedger,
        telemetry: DeliveryTelemetry | None = None,
        *,
        follow_ups: FollowUpStarter | None = None,
        marks: RetentionMarks | None = None,
        timeout_s: float = DELIVERY_S,
    ) -> None:
        """`timeout_s` bounds all that is done for one message, however many waits it takes.
        `telemetry` and `follow_ups` are None if they are switched off, `marks` is if no captures
        expire early.
        """
        self._captures = captures
        self._assemble = assemble
        self._claims = claims
        self._event_hub = event_hub
        self._ledger = ledger
        self._telemetry = telemetry
        self._follow_ups = follow_ups
        self._marks = marks
        self._timeout_s = timeout_s
        self._delivery_log = DeliveryLog()
        # These bound memory: a worker delivers hundreds of envelopes at once when it has a backlog,
        # and each of them may name captures of 100 MB.
        self._one_large = asyncio.Lock()
        self._memory = ByteBudget(_HELD_BYTES)
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)

    async def deliver(self, envelope: Envelope, message: MessageMetadata | None = None) -> None:
        """Returns when the event of this envelope was accepted, or when the exchange is
        dead-lettered because its event never can be.

        Raises AssemblyError, DeliveryError or StorageError; the queue then delivers it again.
        """
        if self._telemetry is not None:
            self._telemetry.delivering()
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._marks is not None:
                    await self._marks.mark(envelope)
                if envelope.outcome_pending:
                    envelope = await self._store_outcome(envelope)
                await self._deliver(envelope, message or MessageMetadata())
        except TimeoutError:
            raise DeliveryError(
                f"exchange {envelope.exchange_id} was not delivered within {self._timeout_s:g} s"
            ) from None

    async def _deliver(self, envelope: Envelope, message: MessageMetadata) -> None:
        try:
            async with self._memory.hold(_held_bytes(envelope)):
                event = await self._claimed_event(envelope, await self._event_hub.limit_bytes())
                if event is None:
                    await self._end_erased(envelope)
                    return
                await self._send(event, envelope.exchange_id)
            for what in event.altered:
                _log.error("Exchange %s was altered in storage: %s", envelope.exchange_id, what)
            if self._telemetry is not None and event.telemetry is not None:
                cause = cause_of(envelope, message.tries)
                self._telemetry.accepted(event.telemetry, cause, message.queued_ns)
            await self._delivery_log.accepted(replace(envelope, outcome=event.outcome))
            await self._follow(envelope, event.pending_response)
            # last: if it fails, the next try finds a body erased and has nothing to report
            await self._erase_bodies(envelope)
        except CaptureExpired:
            # who erased them has noted whether the event was ever accepted
            _log.warning("Exchange %s is not delivered: its captures expired", envelope.exchange_id)
        except CaptureError as error:
            await self._dead_letter(envelope, DeadLetterReason.CORRUPT_CAPTURE, error)
        except EventTooLarge as error:
            await self._dead_letter(envelope, DeadLetterReason.TOO_LARGE, error)
        except EventRejected:
            # A misconfigured Event Hub refuses every event, so the poison handler counts.
            if not envelope.replayed:
                await self._ledger.record_event_rejection(envelope.exchange_id)
            raise

    async def _end_erased(self, envelope: Envelope) -> None:
        """An operator erased the exchange, or its event was accepted and its bodies are erased."""
        if await self._ledger.is_erased(envelope.exchange_id):
            _log.info("Exchange %s was erased; its envelope is dropped", envelope.exchange_id)
            # which this delivery may have stored
            await self._captures.erase(outcome_name(envelope.exchange_id))
            return
        await self._ledger.delivered([AcceptedEvent(exchange_id=envelope.exchange_id)])
        await self._erase_bodies(envelope)

    async def undeliverable_reason(self, envelope: Envelope) -> DeadLetterReason | None:
        """Why no event can be built from this envelope; None if one can, whether or
        not it can be delivered now.

        Raises StorageError if the captures cannot be read, or that takes too long.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                event = await self._claimed_event(envelope, _ANY_LIMIT_BYTES)
                if event is not None:
                    await self._release(event)
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

    async def _store_outcome(self, envelope: Envelope) -> Envelope:
        """Store how the exchange ended if no capture says so yet, so that a later delivery from
        storage does not contradict this event.
        """
        envelope = replace(envelope, outcome_pending=False)
        await self._captures.put_if_absent(
            outcome_name(envelope.exchange_id), of_outcome(to_fields(envelope))
        )
        return envelope

    async def _send(self, event: _ClaimedEvent, exchange_id: str) -> None:
        try:
            await self._event_hub.send(event.body, exchange_id, event.digests)
        except (EventTooLarge, EventRejected):
            await self._release(event)
            raise

    async def _release(self, event: _ClaimedEvent) -> None:
        """This event is not delivered, so another exchange may count the usage that it claimed."""
        if event.claim is not None and event.claim.new:
            await self._claims.release(event.claim)

    async def _follow(self, envelope: Envelope, response_id: str | None) -> None:
        """The event is accepted: from now on the app follows the response that the exchange
        created. A replay repeats an event, and a response that it created was followed then.
        """
        if self._follow_ups is None or response_id is None or envelope.replayed:
            return
        follow_up = follow_ups.of_create(envelope, response_id)
        if follow_up is not None:
            await self._follow_ups.begin(follow_up)

    async def _erase_bodies(self, envelope: Envelope) -> None:
        """The event is accepted: the content of a redacted exchange is not needed any more."""
        if envelope.content_mode is ContentMode.REDACTED:
            for kind in CaptureKind:
                await self._captures.erase_body(capture_name(envelope.exchange_id, kind))

    async def _claimed_event(self, envelope: Envelope, limit_bytes: int) -> _ClaimedEvent | None:
        """None if the exchange is erased, or its bodies are since the event was accepted."""
        large = _captures_bytes(envelope) > LARGE_BYTES
        async with self._one_large if large else contextlib.nullcontext():
            async with self._reading:
                stored = await read_stored(self._captures.get, envelope)
            if stored.is_expired:
                raise CaptureExpired("the captures' retention is over")
            if stored.is_erased or (
                stored.lacks_capture and await self._ledger.is_erased(envelope.exchange_id)
            ):
                return None
            assembled = await self._assemble(
                stored.envelope, stored.request, stored.response, limit_bytes
            )
        return await self._decided(assembled, envelope.exchange_id)

    async def _decided(self, assembled: AssembledEvent, exchange_id: str) -> _ClaimedEvent:
        """The form of the event that the claim on its usage decides, if there is one."""
        claim, repeated = None, False
        if assembled.claims is not None:
            claim = await self._claims.claim(assembled.claims, exchange_id)
            repeated = usage_claim.is_repeated(exchange_id, claim.holder)
        elif assembled.without_usage is not None:
            repeated = await self._claims.holder(assembled.without_usage) is not None
        body, telemetry = assembled.body, assembled.telemetry
        if repeated and assembled.repeating_body is not None:
            body = assembled.repeating_body
            telemetry = telemetry and replace(telemetry, usage_repeated=True)
        return _ClaimedEvent(
            body=body,
            outcome=assembled.outcome,
            claim=claim,
            pending_response=assembled.pending_response,
            telemetry=telemetry,
            digests=replace(assembled.digests, event=digests.of_bytes(body)),
            altered=assembled.altered,
        )

    async def _dead_letter(
        self, envelope: Envelope, reason: DeadLetterReason, error: Exception
    ) -> None:
        if await self._ledger.dead_letter(envelope.exchange_id, reason):
            _log.error(
                "Exchange %s can never be delivered and is dead-lettered (%s): %s",
                envelope.exchange_id,
                reason,
                error,
            )


def _captures_bytes(envelope: Envelope) -> int:
    return envelope.request_bytes + envelope.response_bytes


def _held_bytes(envelope: Envelope) -> int:
    """What a delivery holds of `_HELD_BYTES`: its captures, later its event. A large exchange
    counts as its event alone, because its captures are held one exchange at a time.
    """
    count = _captures_bytes(envelope)
    return _LARGEST_EVENT_BYTES if count > LARGE_BYTES else max(count, _ENVELOPE_BYTES)
