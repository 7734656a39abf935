"""Delivers the event of an envelope: envelope + captures -> event -> Event Hub.

An envelope is done when the Event Hub has accepted its event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.capture import CaptureKind, capture_name, outcome_name
from shared.core.records.exchange.digests import AcceptedEvent
from shared.core.records.exchange.envelope import Envelope, outcome_blob
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import FollowUp
from shared.core.telemetry.exchange_telemetry import DeliveryCause, ExchangeTelemetry, cause_of
from shared.core.wire.content_mode import ContentMode
from shared.enrichment.assembled_event import AssembledEvent
from shared.enrichment.delivery_log import DeliveryLog
from shared.enrichment.event_preparation import EventPreparation, PreparedEvent
from shared.enrichment.retention_marks import RetentionMarks
from shared.errors import (
    CaptureError,
    CaptureExpired,
    DeliveryError,
    EventRejected,
    EventTooLarge,
)
from shared.ports.captures import DeliveredCaptures
from shared.ports.dead_letters import DeliveryFailures
from shared.ports.destinations import EventSink
from shared.ports.ledger import DeliverySink, ErasedExchanges
from shared.settings.timeouts import DELIVERY_S

_log = logging.getLogger("fnsse.enrichment")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageMetadata:
    """The queue's facts about the message that held an envelope."""

    queued_ns: int | None = None  # unix time; None: not known
    tries: int = 1  # how often the queue has delivered it


class EventDelivery:
    """Delivers the events of envelopes."""

    def __init__(
        self,
        *,
        preparation: EventPreparation,
        captures: DeliveredCaptures,
        event_hub: EventSink,
        ledger: DeliverySink,
        dead_letters: DeliveryFailures,
        erased_exchanges: ErasedExchanges,
        telemetry: DeliveryTelemetry | None = None,
        begin_follow_up: Callable[[FollowUp], Awaitable[None]] | None = None,
        marks: RetentionMarks | None = None,
        timeout_s: float = DELIVERY_S,
    ) -> None:
        """`timeout_s` bounds everything that is done for one envelope, however many waits it takes.
        `begin_follow_up` starts to follow a background response whose end nobody may come back for;
        it raises StorageError. It and `telemetry` are None if they are switched off; `marks` is
        None if no captures expire early.
        """
        self._preparation = preparation
        self._captures = captures
        self._event_hub = event_hub
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._erased_exchanges = erased_exchanges
        self._telemetry = telemetry
        self._begin_follow_up = begin_follow_up
        self._marks = marks
        self._timeout_s = timeout_s
        self._delivery_log = DeliveryLog()

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
            async with self._preparation.hold_memory(envelope):
                limit_bytes = await self._event_hub.limit_bytes()
                prepared = await self._preparation.prepare(envelope, limit_bytes)
                if prepared is None:
                    await self._end_erased(envelope)
                    return
                await self._send(prepared, envelope.exchange_id)
            await self._after_acceptance(prepared.event, envelope, message)
        except CaptureExpired:
            # their erasure has recorded whether the event was ever accepted
            _log.warning("Exchange %s is not delivered: its captures expired", envelope.exchange_id)
        except CaptureError as error:
            await self._dead_letter(envelope, DeadLetterReason.CORRUPT_CAPTURE, error)
        except EventTooLarge as error:
            await self._dead_letter(envelope, DeadLetterReason.TOO_LARGE, error)
        except EventRejected:
            # A misconfigured Event Hub rejects every event, so the poison handler counts.
            if not envelope.replayed:
                await self._dead_letters.record_event_rejection(envelope.exchange_id)
            raise

    async def _send(self, prepared: PreparedEvent, exchange_id: str) -> None:
        event = prepared.event
        try:
            await self._event_hub.send(event.body, exchange_id, event.digests)
        except (EventTooLarge, EventRejected):
            await self._preparation.release(prepared)
            raise

    async def _after_acceptance(
        self, event: AssembledEvent, envelope: Envelope, message: MessageMetadata
    ) -> None:
        for problem in event.altered:
            _log.error("Exchange %s was altered in storage: %s", envelope.exchange_id, problem)
        if self._telemetry is not None and event.telemetry is not None:
            cause = cause_of(envelope, message.tries)
            self._telemetry.accepted(event.telemetry, cause, message.queued_ns)
        await self._delivery_log.accepted(replace(envelope, outcome=event.outcome))
        await self._follow(envelope, event.pending_response)
        # last: if it fails, the next try finds a body erased and has nothing to report
        await self._erase_bodies(envelope)

    async def _end_erased(self, envelope: Envelope) -> None:
        """An operator erased the exchange, or its event was accepted and its bodies are erased."""
        if await self._erased_exchanges.is_erased(envelope.exchange_id):
            _log.info("Exchange %s was erased; its envelope is dropped", envelope.exchange_id)
            # this delivery may have stored it
            await self._captures.erase(outcome_name(envelope.exchange_id))
            return
        await self._ledger.append_deliveries([AcceptedEvent(exchange_id=envelope.exchange_id)])
        await self._erase_bodies(envelope)

    async def _store_outcome(self, envelope: Envelope) -> Envelope:
        """Store how the exchange ended if no capture says so yet, so that a later delivery from
        storage does not contradict this event.
        """
        await self._captures.put_if_absent(*outcome_blob(envelope))
        return replace(envelope, outcome_pending=False)

    async def _follow(self, envelope: Envelope, response_id: str | None) -> None:
        """Follow the response that the exchange created. A replay repeats an event, and a response
        that it created was followed when the event was accepted first.
        """
        if self._begin_follow_up is None or response_id is None or envelope.replayed:
            return
        follow_up = follow_ups.of_create(envelope, response_id)
        if follow_up is not None:
            await self._begin_follow_up(follow_up)

    async def _erase_bodies(self, envelope: Envelope) -> None:
        """Erase the content of a redacted exchange, which is not needed after its event was
        accepted.
        """
        if envelope.content_mode is ContentMode.REDACTED:
            for kind in CaptureKind:
                await self._captures.erase_body(capture_name(envelope.exchange_id, kind))

    async def _dead_letter(
        self, envelope: Envelope, reason: DeadLetterReason, error: Exception
    ) -> None:
        if await self._dead_letters.dead_letter(envelope.exchange_id, reason):
            _log.error(
                "Exchange %s can never be delivered and is dead-lettered (%s): %s",
                envelope.exchange_id,
                reason,
                error,
            )
