"""Marks one exchange as erased, and deletes its captures and its dead letter."""

from __future__ import annotations

from shared.core.records.delivery.dead_letter import failure_count_name
from shared.core.records.exchange.capture import CaptureKind, capture_name
from shared.errors import StorageImmutable
from shared.ports.blobs import JsonStore
from shared.ports.captures import ErasableCaptures
from shared.ports.dead_letters import DeadLetterRemoval
from shared.ports.ledger import ErasureMarkStore


class ExchangeErasure:
    """Erases single exchanges. The ledger and the claims on usage keep the bare id."""

    def __init__(
        self,
        *,
        captures: ErasableCaptures,
        erasure_marks: ErasureMarkStore,
        dead_letters: DeadLetterRemoval,
        failure_counts: JsonStore,
    ) -> None:
        self._captures = captures
        self._erasure_marks = erasure_marks
        self._dead_letters = dead_letters
        self._failure_counts = failure_counts

    async def is_stored(self, exchange_id: str) -> bool:
        """Whether a capture or a dead letter of the exchange is stored. Raises StorageError."""
        for kind in CaptureKind:
            if await self._captures.is_stored(capture_name(exchange_id, kind)):
                return True
        return await self._dead_letters.dead_letter_reason(exchange_id) is not None

    async def erase(self, exchange_id: str, run: str | None = None) -> None:
        """Erase the exchange, for a run, or for a call of its own. If its envelope waits on the
        queue, enrichment drops it.

        Raises StorageImmutable if storage must not change its captures, which stay, and
        StorageError.
        """
        # The mark comes first: after the captures are gone, nothing that is stored would show that
        # the mark is missing.
        await self._erasure_marks.mark_erased(exchange_id, run)
        try:
            await self._delete(exchange_id)
        except StorageImmutable:
            await self._erasure_marks.unmark_erased(exchange_id)
            raise

    async def _delete(self, exchange_id: str) -> None:
        for kind in CaptureKind:
            await self._captures.erase(capture_name(exchange_id, kind))
        await self.forget_failures(exchange_id)
        # last, so that `is_stored` still finds the exchange if this has to be repeated
        await self._dead_letters.remove_dead_letter(exchange_id)

    async def forget_failures(self, exchange_id: str) -> None:
        """Forget how often its event failed. Raises StorageError."""
        await self._failure_counts.delete(failure_count_name(exchange_id))
        await self._dead_letters.take_event_rejection(exchange_id)
