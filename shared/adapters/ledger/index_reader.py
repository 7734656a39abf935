"""Reads what the ledger of an hour says of each exchange: delivered, dead-lettered, requeued or
erased.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Final

from shared.adapters.ledger.dead_letter_store import DeadLetterStore
from shared.adapters.ledger.entry_blobs import entry_blobs
from shared.adapters.ledger.erasure_marks import ErasureMarks
from shared.adapters.storage.account import StorageAccount
from shared.core.records.delivery.ledger_entries import LedgerEntry, LedgerIndex, LedgerReader

_log = logging.getLogger("fnsse.ledger")

_ENTRIES_PER_STEP: Final = 200  # entries between two pauses: about a millisecond


class LedgerIndexReader:
    """Reads the entries of all workers, the requeued exchanges and the marks of erasures, as a
    WindowLedger.
    """

    def __init__(
        self, storage: StorageAccount, dead_letters: DeadLetterStore, erasure_marks: ErasureMarks
    ) -> None:
        self._storage = storage
        self._dead_letters = dead_letters
        self._erasure_marks = erasure_marks

    async def index(self, window: str) -> LedgerIndex:
        """It takes 16 bytes of memory for each exchange."""
        index = LedgerIndex(
            reopened_ms=await self._dead_letters.reopen_times(window),
            erased=await self._erasure_marks.erased_ids(window),
        )
        async for entries in self._entries(window):
            for count, entry in enumerate(entries):
                index.note(entry)
                if count % _ENTRIES_PER_STEP == 0:
                    await asyncio.sleep(0)  # this worker may relay streams as well
        return index

    async def _entries(self, window: str) -> AsyncIterator[Iterable[LedgerEntry]]:
        async for name, pieces in entry_blobs(self._storage, window):
            reader = LedgerReader()
            async for piece in pieces:
                yield reader.feed(piece)
            if reader.unreadable:
                _log.warning(
                    "Ledger blob %s holds %d lines that are not entries", name, reader.unreadable
                )
