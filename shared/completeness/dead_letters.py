"""What an operator can do about single exchanges: list the dead letters, requeue one after a fix,
erase one.
"""

from __future__ import annotations

from typing import Any, Final

from shared.adapters.captures import Captures
from shared.adapters.envelope_queue import EnvelopeQueue
from shared.adapters.json_blobs import JsonBlobs
from shared.adapters.ledger import Ledger
from shared.completeness.redelivery import rebuilt
from shared.core.records.capture import request_name, response_name
from shared.core.records.comparison import CapturedExchange
from shared.core.records.envelope import mark_replayed
from shared.core.records.ledger_entry import REPLAY_FAILED
from shared.core.records.poison import failure_count_name
from shared.errors import StorageNotFound

_LISTED: Final = 1000


class DeadLetters:
    """One per worker."""

    def __init__(
        self, captures: Captures, ledger: Ledger, envelopes: EnvelopeQueue, json_blobs: JsonBlobs
    ) -> None:
        self._json_blobs = json_blobs
        self._captures = captures
        self._ledger = ledger
        self._envelopes = envelopes

    async def list_oldest(self) -> list[dict[str, Any]]:
        """`{"exchange_id", "reason", "dead_lettered_at_ms"}` of the oldest thousand.
        Raises StorageError.
        """
        return await self._ledger.dead_letters(_LISTED)

    async def requeue(self, exchange_id: str) -> bool:
        """False where it is not dead-lettered. Raises CaptureError or EnvelopeError where it still
        cannot be read.

        Should the queue give it up again, reconcile or the list has it again.
        """
        reason = await self._ledger.dead_letter_reason(exchange_id)
        if reason is None:
            return False
        answered = await self._captures.exists(response_name(exchange_id))
        try:
            envelope = await rebuilt(
                self._captures, CapturedExchange(exchange_id=exchange_id, answered=answered)
            )
        except StorageNotFound:
            return False
        if reason == REPLAY_FAILED:
            envelope = mark_replayed(envelope)
        else:
            await self._json_blobs.delete(failure_count_name(exchange_id))
            await self._ledger.take_event_refusal(exchange_id)
            await self._ledger.reopen(exchange_id)
        await self._envelopes.put(envelope)
        await self._ledger.remove_dead_letter(exchange_id)
        return True

    async def erase(self, exchange_id: str) -> bool:
        """Delete both captures; ledger and usage claims keep the bare id. False where nothing was
        there. Raises StorageError.
        """
        erased = [
            await self._captures.erase(name)
            for name in (request_name(exchange_id), response_name(exchange_id))
        ]
        await self._json_blobs.delete(failure_count_name(exchange_id))
        await self._ledger.take_event_refusal(exchange_id)
        return await self._ledger.remove_dead_letter(exchange_id) or any(erased)
