"""Reads from the ledger which worker was the first to deliver some exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Collection
from typing import Final

from shared.adapters.ledger_blobs import entry_blobs
from shared.adapters.storage import Storage
from shared.core.records.first_entries import FirstEntries

STEP_BYTES: Final = 64 * 1024  # between two pauses: about a millisecond


async def first_of_writer(
    storage: Storage, window: str, writer: str, exchange_ids: Collection[str]
) -> set[str]:
    """The exchanges of a window whose first entry `writer` wrote. Raises StorageError.

    It reads the window's entries once, 70 bytes for each delivery of that hour.
    """
    first = FirstEntries(exchange_ids)
    async for name, pieces in entry_blobs(storage, window):
        await read_pieces(pieces, name.rpartition("/")[2].rpartition("-")[0], first)
    return first.of_writer(writer)


async def read_pieces(pieces: AsyncIterable[bytes], writer: str, first: FirstEntries) -> None:
    """Take a ledger blob that `writer` wrote. It comes in pieces of up to 4 MB, cut anywhere."""
    rest = b""
    async for piece in pieces:
        for start in range(0, len(piece), STEP_BYTES):
            whole, _, rest = (rest + piece[start : start + STEP_BYTES]).rpartition(b"\n")
            first.read(whole, writer)
            await asyncio.sleep(0)  # this worker may relay streams as well
