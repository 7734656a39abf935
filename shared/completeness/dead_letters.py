"""Operations on single exchanges: an operator lists the dead letters, requeues one after a fix, or
erases one.
"""

from __future__ import annotations

from typing import Final

from shared.completeness.exchange_erasure import ExchangeErasure
from shared.completeness.redelivery import find_exchange, rebuild_envelope
from shared.core.records.delivery.dead_letter import DeadLetterReason, DeadLetterRecord
from shared.core.records.exchange.envelope import mark_replayed, mark_requeued
from shared.core.records.exchange.window import Window
from shared.errors import StorageNotFound
from shared.ports.captures import CaptureHeaders
from shared.ports.dead_letters import DeadLetterOperations
from shared.ports.ledger import DeliveryDigests
from shared.ports.queues import EnvelopeSink

_MAX_LISTED: Final = 1000


class DeadLetters:
    """Lists, requeues and erases exchanges."""

    def __init__(
        self,
        *,
        captures: CaptureHeaders,
        ledger: DeliveryDigests,
        dead_letters: DeadLetterOperations,
        envelopes: EnvelopeSink,
        erasure: ExchangeErasure,
    ) -> None:
        self._captures = captures
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._envelopes = envelopes
        self._erasure = erasure

    async def list_oldest(self) -> list[DeadLetterRecord]:
        """The oldest thousand dead letters. Raises StorageError."""
        return await self._dead_letters.dead_letters(_MAX_LISTED)

    async def requeue(self, exchange_id: str) -> bool:
        """Queue a dead-lettered exchange again; False if it is not dead-lettered, or erased.

        Raises CaptureError or EnvelopeError if its captures still cannot be read, and
        StorageError. If enrichment fails again, the exchange is among the dead letters again, or
        reconcile finds it.
        """
        reason = await self._dead_letters.dead_letter_reason(exchange_id)
        if reason is None:
            return False
        exchange = await find_exchange(self._captures, exchange_id)
        try:
            envelope = await rebuild_envelope(self._captures, exchange)
        except StorageNotFound:
            return False
        window = Window.of_exchange(exchange_id).name
        first_delivery = (await self._ledger.first_digests(window, [exchange_id])).get(exchange_id)
        if reason == DeadLetterReason.REPLAY_FAILED:
            envelope = mark_replayed(envelope, first_delivery)
        else:
            envelope = mark_requeued(envelope, "requeue", first_delivery)
            await self._erasure.forget_failures(exchange_id)
            await self._dead_letters.reopen(exchange_id)
        await self._envelopes.put(envelope)
        await self._dead_letters.remove_dead_letter(exchange_id)
        return True

    async def erase(self, exchange_id: str) -> bool:
        """Erase the exchange; False if nothing is stored of it. Raises StorageError, and
        StorageImmutable if storage must not change its captures, which stay.

        A call that failed can be repeated.
        """
        if not await self._erasure.is_stored(exchange_id):
            return False
        await self._erasure.erase(exchange_id)
        return True
