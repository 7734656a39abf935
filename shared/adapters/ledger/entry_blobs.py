"""The append blobs of the ledger's entries: `entries/2026/11/23/14/<writer>-000000.log`.

Each worker appends to blobs of its own, so any number of them may write. A blob is followed by the
next one before it reaches 50,000 blocks, which is where Azure stops taking appends.
"""

from __future__ import annotations

import asyncio
import functools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from azure.storage.blob.aio import ContainerClient

from shared.adapters.storage.account import StorageAccount
from shared.adapters.storage.errors import error_for_caller
from shared.concurrency.group_commit import GroupCommit, PendingItem
from shared.core.records.delivery.ledger_entries import CONTAINER, LedgerEntry
from shared.core.records.exchange.window import Window
from shared.errors import StorageNotFound

BLOCKS_PER_BLOB: Final = 45_000
# Appends begin this far apart at least. Each is a call, however many entries it holds, and no event
# waits for it: only the message's end does.
APPEND_INTERVAL_S: Final = 0.1
MAX_WINDOWS: Final = 48  # the writer remembers their blobs, and creates another for an older one


@dataclass(kw_only=True, slots=True)
class _Blob:
    name: str
    blocks: int = 0


class LedgerAppender:
    """Appends the entries of one worker; many entries share one append."""

    def __init__(
        self,
        storage: StorageAccount,
        writer: str,
        *,
        blocks_per_blob: int = BLOCKS_PER_BLOB,
        append_interval_s: float = APPEND_INTERVAL_S,
        max_windows: int = MAX_WINDOWS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`writer` is unique to this worker process."""
        self.blobs: dict[str, _Blob] = {}  # by window, those that this worker appends to
        self._storage = storage
        self.writer = writer
        self._blobs_created = 0
        self._blocks_per_blob = blocks_per_blob
        self._max_windows = max_windows
        self._appends = GroupCommit(
            self._append_group,
            functools.partial(error_for_caller, client="ledger"),
            interval_s=append_interval_s,
            sleep=sleep,
        )

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Append entries. Those that come while an append is under way, or within an interval of
        its beginning, share the next one, so that nobody waits for more than two appends to slow
        blobs. Raises StorageError.
        """
        await self._appends.put(entries)

    async def _append_group(self, group: list[PendingItem[Sequence[LedgerEntry]]]) -> None:
        lines: dict[str, list[bytes]] = defaultdict(list)
        for pending in group:
            for entry in pending.value:
                lines[Window.of_exchange(entry.exchange_id).name].append(entry.line())
        for window, window_lines in lines.items():
            await self._append_block(window, b"".join(window_lines))

    async def _append_block(self, window: str, data: bytes) -> None:
        blob = self.blobs.get(window)
        if blob is None or blob.blocks >= self._blocks_per_blob:
            blob = await self._create_blob(window)
        try:
            await self._storage.direct.append_block(f"{CONTAINER}/{blob.name}", data)
        except StorageNotFound:  # deleted by retention, or by hand
            blob = await self._create_blob(window)
            await self._storage.direct.append_block(f"{CONTAINER}/{blob.name}", data)
        blob.blocks += 1

    async def _create_blob(self, window: str) -> _Blob:
        # Blobs are numbered over all windows: creating one that exists would empty it, and this
        # writer may have forgotten it.
        blob = _Blob(name=f"{_prefix(window)}{self.writer}-{self._blobs_created:06}.log")
        self._blobs_created += 1
        async with self._storage.call():
            await self._container.get_blob_client(blob.name).create_append_blob()
        while len(self.blobs) >= self._max_windows:
            del self.blobs[min(self.blobs)]
        self.blobs[window] = blob
        return blob


async def entry_blobs(
    storage: StorageAccount, window: str
) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
    """Name and content of each blob of a window's entries; the content comes in pieces of up to
    4 MB, cut anywhere. Raises StorageError.
    """
    container = storage.blobs.get_container_client(CONTAINER)
    listing = container.list_blob_names(name_starts_with=_prefix(window)).by_page()
    async for page in storage.iterate(listing):
        async for name in page:
            async with storage.call():
                download = await container.download_blob(name)
            yield name, storage.iterate(download.chunks())


def writer_of(name: str) -> str:
    """The writer of a blob of entries, by its name."""
    return name.rpartition("/")[2].rpartition("-")[0]


def _prefix(window: str) -> str:
    return f"entries/{window}/"
