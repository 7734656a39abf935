"""Reads from the ledger which worker was the first to deliver some exchanges, and what their events
were made of.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterable, Callable, Collection
from typing import Final

from shared.adapters.ledger_blobs import entry_blobs
from shared.adapters.storage import Storage
from shared.core.records.digests import Digests
from shared.core.records.first_digests import FirstDigests
from shared.core.records.first_entries import FirstEntries

STEP_BYTES: Final = 64 * 1024  # between two pauses: about a millisecond


async def first_of_writer(
    storage: Storage, window: str, writer: str, exchange_ids: Collection[str]
) -> set[str]:
    """The exchanges of a window whose first entry `writer` wrote. Raises StorageError.

    It reads the window's entries once, 200 bytes for each delivery of that hour.
    """
    first = FirstEntries(exchange_ids)
    async for name, pieces in entry_blobs(storage, window):
        blob_writer = name.rpartition("/")[2].rpartition("-")[0]
        await read_pieces(pieces, functools.partial(first.read, writer=blob_writer))
    return first.of_writer(writer)


async def first_digests(
    storage: Storage, window: str, exchange_ids: Collection[str]
) -> dict[str, Digests]:
    """By exchange of a window: the first digests that its entries have. Raises StorageError.

    It reads the window's entries once, too.
    """
    first = FirstDigests(exchange_ids)
    async for _, pieces in entry_blobs(storage, window):
        await read_pieces(pieces, first.read)
    return first.found()


async def read_pieces(pieces: AsyncIterable[bytes], read: Callable[[bytes], None]) -> None:
    """Have the whole lines of a ledger blob read. It comes in pieces of up to 4 MB, cut
    anywhere.
    """
    rest = b""
    async for piece in pieces:
        for start in range(0, len(piece), STEP_BYTES):
            lines, _, rest = (rest + piece[start : start + STEP_BYTES]).rpartition(b"\n")
            read(lines)
            await asyncio.sleep(0)  # this worker may relay streams as well
