"""Handles envelopes on which enrichment failed as often as the queue delivers a message."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from shared.core.decisions import poison
from shared.core.records.delivery.dead_letter import DeadLetterReason, failure_count_name
from shared.core.records.exchange.envelope import Envelope, outcome_blob
from shared.core.records.queue import envelope_message
from shared.errors import EnvelopeError, StorageError
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureSink
from shared.ports.dead_letters import DeliveryFailures
from shared.ports.ledger import ErasedExchanges
from shared.ports.queues import EnvelopeSink

_log = logging.getLogger("fnsse.poison")


class PoisonHandler:
    """Handles the messages of the poison queue."""

    def __init__(
        self,
        *,
        undeliverable_reason: Callable[[Envelope], Awaitable[DeadLetterReason | None]],
        captures: CaptureSink,
        dead_letters: DeliveryFailures,
        erased_exchanges: ErasedExchanges,
        failure_counts: JsonStore,
        queue: EnvelopeSink,
    ) -> None:
        """`undeliverable_reason` tries to build an event: the reason why there can be none, or None
        if it was built. It raises StorageError.
        """
        self._undeliverable_reason = undeliverable_reason
        self._captures = captures
        self._dead_letters = dead_letters
        self._erased_exchanges = erased_exchanges
        self._failure_counts = failure_counts
        self._queue = queue

    async def handle(self, message: bytes) -> None:
        """Returns when the message needs no other delivery. Raises StorageError; the queue then
        delivers it again.

        Envelopes that share a message are examined one message each: one that kills the worker must
        not hide the others.
        """
        try:
            envelopes = envelope_message.load(message)
        except EnvelopeError as error:
            _log.error("A message of the envelope queue is discarded: %s", error)
            return
        if len(envelopes) == 1:
            await self._handle_envelope(envelopes[0])
            return
        for envelope in envelopes:
            await self._queue.put(envelope)

    async def _handle_envelope(self, envelope: Envelope) -> None:
        reason, failures = await self._examine(envelope)
        match poison.decide(envelope, reason, failures):
            case poison.ListFailedReplay():
                await self._list_failed_replay(envelope.exchange_id)
            case poison.DeadLetter() | poison.StoreOutcome() if (
                await self._erased_exchanges.is_erased(envelope.exchange_id)
            ):
                _log.info("Exchange %s was erased; its envelope is dropped", envelope.exchange_id)
            case poison.DeadLetter(reason=dead_letter_reason):
                await self._store_outcome(envelope)  # requeueing it reads that
                await self._dead_letter(envelope.exchange_id, dead_letter_reason)
            case poison.LeaveToReconcile():
                _warn(envelope, reason, "reconcile delivers it")
            case poison.StoreOutcome():
                _warn(envelope, reason, "it is stored for reconcile")
                await self._store_outcome(envelope)

    async def _store_outcome(self, envelope: Envelope) -> None:
        """Store how the exchange ended, unless its response capture says it."""
        if envelope.is_in_response_capture:
            return
        await self._captures.put_if_absent(*outcome_blob(envelope))

    async def _list_failed_replay(self, exchange_id: str) -> None:
        _log.error(
            "The replay of exchange %s was given up by the queue; it is listed as dead-lettered",
            exchange_id,
        )
        await self._dead_letters.list_failed_replay(exchange_id)

    async def _dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> None:
        if await self._dead_letters.dead_letter(exchange_id, reason):
            _log.error(
                "Exchange %s can never be delivered and is dead-lettered (%s)", exchange_id, reason
            )
        await self._failure_counts.delete(failure_count_name(exchange_id))

    async def _examine(self, envelope: Envelope) -> tuple[DeadLetterReason | None, int]:
        """The reason why no event can be built or accepted, and the number of failures so far.

        The count is stored before the event is built: an event that kills the worker must not do
        so for ever.
        """
        if envelope.replayed:
            return None, 0
        name = failure_count_name(envelope.exchange_id)
        try:
            failures = int((await self._failure_counts.get(name) or {}).get("failures", 0)) + 1
            if failures > poison.MAX_FAILURES:
                return DeadLetterReason.ASSEMBLY_FAILED, failures
            await self._failure_counts.put(name, {"failures": failures})
            reason = await self._dead_letter_reason(envelope)
            if reason is None:
                await self._restore_count(name, failures - 1)
        except StorageError:
            return None, 0  # storage is down, which is why enrichment failed
        return reason, failures

    async def _dead_letter_reason(self, envelope: Envelope) -> DeadLetterReason | None:
        reason = await self._undeliverable_reason(envelope)
        if reason is None and await self._dead_letters.take_event_rejection(envelope.exchange_id):
            return DeadLetterReason.REFUSED
        return reason

    async def _restore_count(self, name: str, failures: int) -> None:
        if failures:
            await self._failure_counts.put(name, {"failures": failures})
        else:
            await self._failure_counts.delete(name)


def _warn(envelope: Envelope, reason: DeadLetterReason | None, consequence: str) -> None:
    _log.warning(
        "Exchange %s was given up by the queue%s; %s",
        envelope.exchange_id,
        f" ({reason})" if reason else "",
        consequence,
    )
