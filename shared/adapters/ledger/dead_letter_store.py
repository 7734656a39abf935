"""Dead letters, rejections and requeued exchanges, one blob each:

* `dead-letters/2026/11/23/14/<id>.json`: an exchange that can never be delivered, or whose replay
  failed, and the reason; operators list these.
* `refused/2026/11/23/14/<id>.json`: the Event Hub rejected its event, and the poison handler has
  not counted that yet.
* `reopened/2026/11/23/14/<id> <unix ms>`: an operator requeued it, so an earlier dead letter no
  longer counts.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping

from shared.adapters.ledger.entry_blobs import LedgerAppender
from shared.core.records.delivery.dead_letter import DeadLetterReason, DeadLetterRecord
from shared.core.records.delivery.ledger_entries import Delivery, LedgerEntry
from shared.core.records.exchange.window import Window
from shared.ports.blobs import JsonStore


class DeadLetterStore:
    """Stores and lists dead letters: the ports of shared/ports/dead_letters.py."""

    def __init__(
        self,
        json_store: JsonStore,
        appender: LedgerAppender,
        clock: Callable[[], float] = time.time,
        *,
        on_dead_letter: Callable[[str], None] | None = None,
    ) -> None:
        """`on_dead_letter` is called with the reason of each new dead letter."""
        self._on_dead_letter = on_dead_letter
        self._json_store = json_store
        self._appender = appender
        self._clock = clock

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        """Each call appends to the ledger: an earlier one may have failed before it did."""
        record = self._dead_letter_record(exchange_id, reason)
        known_reason = await self.dead_letter_reason(exchange_id)
        new = known_reason is None or known_reason == DeadLetterReason.REPLAY_FAILED
        if new:
            await self._json_store.put(_dead_letter_name(exchange_id), record.to_json())
            if self._on_dead_letter is not None:
                self._on_dead_letter(reason)
        await self._appender.append(
            [
                LedgerEntry(
                    exchange_id=exchange_id,
                    delivery=Delivery.DEAD_LETTERED,
                    at_ms=record.dead_lettered_at_ms,
                    detail=reason,
                )
            ]
        )
        return new

    async def list_failed_replay(self, exchange_id: str) -> None:
        record = self._dead_letter_record(exchange_id, DeadLetterReason.REPLAY_FAILED)
        await self._json_store.put_if_absent(_dead_letter_name(exchange_id), record.to_json())

    async def record_event_rejection(self, exchange_id: str) -> None:
        await self._json_store.put(_rejection_name(exchange_id), {})

    async def take_event_rejection(self, exchange_id: str) -> bool:
        return await self._json_store.delete(_rejection_name(exchange_id))

    async def dead_letters(self, limit: int) -> list[DeadLetterRecord]:
        records: list[DeadLetterRecord] = []
        async for name in self._json_store.names("dead-letters/"):
            fields = await self._json_store.get(name)
            if fields:
                records.append(DeadLetterRecord.from_json(fields))
            if len(records) == limit:
                break
        return records

    async def dead_letter_count(self, limit: int) -> int:
        count = 0
        async for _ in self._json_store.names("dead-letters/"):
            count += 1
            if count == limit:
                break
        return count

    async def dead_letter_reason(self, exchange_id: str) -> str | None:
        fields = await self._json_store.get(_dead_letter_name(exchange_id))
        return DeadLetterRecord.from_json(fields).reason if fields else None

    async def remove_dead_letter(self, exchange_id: str) -> bool:
        return await self._json_store.delete(_dead_letter_name(exchange_id))

    async def reopen(self, exchange_id: str) -> None:
        at_ms = int(self._clock() * 1000)
        await self._json_store.put(
            f"reopened/{Window.of_exchange(exchange_id).name}/{exchange_id} {at_ms}", {}
        )

    async def reopened_windows(self) -> set[str]:
        return {_window_in(name) async for name in self._json_store.names("reopened/")}

    async def close_reopened(self, window: str, reopened_ms: Mapping[str, int]) -> None:
        async for name, exchange_id, at_ms in self._reopenings(window):
            if at_ms <= reopened_ms.get(exchange_id, -1):
                await self._json_store.delete(name)

    async def reopen_times(self, window: str) -> dict[str, int]:
        """By exchange: when it was reopened last, in unix milliseconds. Raises StorageError."""
        moments: dict[str, int] = {}
        async for _, exchange_id, at_ms in self._reopenings(window):
            moments[exchange_id] = max(at_ms, moments.get(exchange_id, 0))
        return moments

    def _dead_letter_record(self, exchange_id: str, reason: DeadLetterReason) -> DeadLetterRecord:
        at_ms = int(self._clock() * 1000)
        return DeadLetterRecord(exchange_id=exchange_id, reason=reason, dead_lettered_at_ms=at_ms)

    async def _reopenings(self, window: str) -> AsyncIterator[tuple[str, str, int]]:
        """Blob name, exchange and unix milliseconds of each reopening."""
        for name in [name async for name in self._json_store.names(f"reopened/{window}/")]:
            exchange_id, _, at_ms = name.rpartition("/")[2].partition(" ")
            yield name, exchange_id, int(at_ms)


def _dead_letter_name(exchange_id: str) -> str:
    return f"dead-letters/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"


def _rejection_name(exchange_id: str) -> str:
    return f"refused/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"


def _window_in(name: str) -> str:
    """`reopened/2026/11/23/14/…` -> `2026/11/23/14`."""
    return name.partition("/")[2].rpartition("/")[0]
