"""Reads the first entries of exchanges from the ledger: the worker that delivered each one first,
and the digests of its first event.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterable, Callable, Collection
from typing import Final

from shared.adapters.ledger.entry_blobs import entry_blobs, writer_of
from shared.adapters.storage.account import StorageAccount
from shared.core.records.delivery.first_entries import FirstDigests, FirstWriters
from shared.core.records.exchange.digests import Digests

REMEMBER_S: Final = 30.0  # later deliveries are not seen until then
STEP_BYTES: Final = 64 * 1024  # between two pauses: about a millisecond


async def first_of_writer(
    storage: StorageAccount, window: str, writer: str, exchange_ids: Collection[str]
) -> set[str]:
    """The exchanges of a window whose first entry `writer` wrote. Raises StorageError.

    It reads the window's entries once, 200 bytes for each delivery of that hour.
    """
    first = FirstWriters(exchange_ids)
    async for name, pieces in entry_blobs(storage, window):
        await read_pieces(pieces, functools.partial(first.read, writer=writer_of(name)))
    return first.of_writer(writer)


class DigestReader:
    """Reads first digests. A replay asks for the digests of one page after the other. The reader
    remembers the last range that it read, so a window of a million exchanges is read once for each
    of its minutes, and not once for each page.
    """

    def __init__(
        self, storage: StorageAccount, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._last: tuple[float, str, FirstDigests] | None = None  # when it was read, its window

    async def read(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """By exchange of a window: the first digests that its entries have. Raises StorageError."""
        first = self._recent_digests(window, exchange_ids)
        if first is None:
            read_at, first = self._clock(), FirstDigests(exchange_ids)
            async for _, pieces in entry_blobs(self._storage, window):
                await read_pieces(pieces, first.read)
            self._last = read_at, window, first
        return first.of(exchange_ids)

    def _recent_digests(self, window: str, exchange_ids: Collection[str]) -> FirstDigests | None:
        if self._last is None:
            return None
        read_at, of_window, first = self._last
        fresh = self._clock() - read_at < REMEMBER_S
        return first if fresh and of_window == window and first.covers(exchange_ids) else None


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
