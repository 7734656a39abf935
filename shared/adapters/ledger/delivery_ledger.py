"""The ledger of deliveries: which exchanges the Event Hub has accepted.

This module writes the entries of this worker by `entry_blobs`, and decides which of them were the
first. `index_reader` reads the entries of all workers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from shared.adapters.ledger.entry_blobs import LedgerAppender
from shared.adapters.ledger.first_entries import DigestReader, first_of_writer
from shared.adapters.storage.account import StorageAccount
from shared.core.records.delivery.id_sets import RecentIds
from shared.core.records.delivery.ledger_entries import Delivery, LedgerEntry
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from shared.errors import StorageError

_log = logging.getLogger("fnsse.ledger")

MAX_LACKING: Final = 10_000  # exchanges that are known to lack an entry


class DeliveryLedger:
    """Appends what this worker delivered; knows whose deliveries were the first. The ports are
    those of shared/ports/ledger.py.
    """

    def __init__(
        self,
        storage: StorageAccount,
        appender: LedgerAppender,
        clock: Callable[[], float] = time.time,
        *,
        max_lacking: int = MAX_LACKING,
    ) -> None:
        self.failures = 0  # appends that failed: each costs a duplicate later, never a loss
        self._storage = storage
        self._appender = appender
        self._lacking = RecentIds(max_lacking)
        self._digests = DigestReader(storage)
        self._clock = clock

    async def append_deliveries(self, events: Sequence[AcceptedEvent]) -> None:
        """A failure is logged and counted."""
        now_ms = int(self._clock() * 1000)
        entries = [
            LedgerEntry(
                exchange_id=event.exchange_id,
                delivery=Delivery.DELIVERED,
                at_ms=now_ms,
                detail=event.digests.word,
            )
            for event in events
        ]
        try:
            await self._appender.append(entries)
        except StorageError as error:
            self.failures += 1
            self._lacking.add(event.exchange_id for event in events)
            _log.error(
                "The ledger did not take %d entries; their events may be sent again: %s",
                len(entries),
                error,
            )

    def lacks_entry(self, exchange_id: str) -> bool:
        return exchange_id in self._lacking

    async def first_deliveries(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        return await first_of_writer(self._storage, window, self._appender.writer, exchange_ids)

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        return await self._digests.read(window, exchange_ids)
