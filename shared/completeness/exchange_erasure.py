"""Erases the captures and the dead letter of one exchange, and marks it as erased."""

from __future__ import annotations

from typing import Protocol

from shared.core.records.delivery.failure_count import failure_count_name
from shared.core.records.exchange.capture import CaptureKind, capture_name
from shared.core.records.ports import JsonStore
from shared.errors import StorageImmutable


class ErasableCaptures(Protocol):
    """Deletes captures."""

    async def erase(self, name: str) -> bool:
        """Delete a capture and its uploaded blocks; False if there is neither. Raises
        StorageError.
        """
        ...


class ErasureMarkStore(Protocol):
    """The marks of erased exchanges. Each method raises StorageError."""

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        """Note that a run erased the exchange: it is neither missing nor delivered any more."""
        ...

    async def unmark_erased(self, exchange_id: str) -> None:
        """Remove the mark of an exchange that could not be erased."""
        ...


class ErasableDeadLetters(Protocol):
    """The dead letters. Each method raises StorageError."""

    async def remove_dead_letter(self, exchange_id: str) -> bool:
        """Take an exchange off the dead letters; False if it is not among them."""
        ...

    async def take_event_rejection(self, exchange_id: str) -> bool:
        """Forget that the Event Hub rejected the exchange's event; False if it did not."""
        ...


class ExchangeErasure:
    """Erases single exchanges. The ledger and the claims on usage keep the bare id."""

    def __init__(
        self,
        *,
        captures: ErasableCaptures,
        erasure_marks: ErasureMarkStore,
        dead_letters: ErasableDeadLetters,
        failure_counts: JsonStore,
    ) -> None:
        self._captures = captures
        self._erasure_marks = erasure_marks
        self._dead_letters = dead_letters
        self._failure_counts = failure_counts

    async def mark(self, exchange_id: str, run: str | None = None) -> None:
        """Note that the exchange is erased. If its envelope waits on the queue, enrichment drops
        it. Raises StorageError.
        """
        await self._erasure_marks.mark_erased(exchange_id, run)

    async def mark_and_erase(self, exchange_id: str, run: str) -> bool:
        """Erase the exchange; False if storage must not change its captures, which stay. Raises
        StorageError.
        """
        await self.mark(exchange_id, run)
        try:
            await self.erase(exchange_id)
        except StorageImmutable:
            await self._erasure_marks.unmark_erased(exchange_id)
            return False
        return True

    async def erase(self, exchange_id: str) -> bool:
        """Delete the captures and the dead letter; False if nothing was stored of the exchange.
        Raises StorageError.
        """
        erased = [
            await self._captures.erase(capture_name(exchange_id, kind)) for kind in CaptureKind
        ]
        await self.forget_failures(exchange_id)
        return await self._dead_letters.remove_dead_letter(exchange_id) or any(erased)

    async def forget_failures(self, exchange_id: str) -> None:
        """Forget how often its event failed. Raises StorageError."""
        await self._failure_counts.delete(failure_count_name(exchange_id))
        await self._dead_letters.take_event_rejection(exchange_id)
