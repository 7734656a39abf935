"""The ledger in append blobs, and the completeness report of each window beside it.

`entries/2026/11/23/14/<writer>-000000.log`: each worker appends to blobs of its own, so any number of them may write; a blob is
followed by the next one before it reaches 50,000 blocks, which is where Azure stops taking appends.
`parked/2026/11/23/14/<id>.json`: an exchange that can never be delivered, and why; what operators list.
`reports/2026/11/23/14.json`: the window's last report; its metadata says whether the window is complete.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from shared.adapters.storage import Storage
from shared.core.completeness import Known, Report
from shared.core.ledger import CONTAINER, Delivery, Entry, LedgerReader
from shared.core.window import Window

_log = logging.getLogger("fnsse.ledger")

BLOCKS_PER_BLOB: Final = 45_000
_AT_A_TIME: Final = 200  # entries between two pauses: about a millisecond
_WINDOWS_KEPT: Final = 48  # whose blob this writer remembers; another is begun for an older one


@dataclass(kw_only=True, slots=True)
class _Blob:
    name: str
    blocks: int = 0


class Ledger:
    """Appends what this worker delivered; reads what all of them did."""

    def __init__(
        self,
        storage: Storage,
        writer: str,
        clock: Callable[[], float] = time.time,
        *,
        blocks_per_blob: int = BLOCKS_PER_BLOB,
    ) -> None:
        self.failures = 0  # appends that failed: each costs a duplicate later, never a loss
        self._storage = storage
        self._writer = writer  # unique to this worker process
        self._clock = clock
        self._blobs: dict[str, _Blob] = {}
        self._begun = 0
        self._blocks_per_blob = blocks_per_blob
        self._writing = asyncio.Lock()

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def delivered(self, exchange_ids: Sequence[str]) -> None:
        """The Event Hub accepted these. A failure is logged and counted, not raised: the events are delivered."""
        now_ms = int(self._clock() * 1000)
        entries = [Entry(exchange_id=each, delivery=Delivery.DELIVERED, at_ms=now_ms) for each in exchange_ids]
        try:
            await self._append(entries)
        except (AzureError, OSError, TimeoutError) as error:
            self.failures += 1
            _log.error(
                "The ledger did not take %d entries; their events may be sent again: %s", len(entries), type(error).__name__
            )

    async def parked(self, exchange_id: str, reason: str) -> None:
        """This one can never be delivered. Raises AzureError."""
        at_ms = int(self._clock() * 1000)
        entry = Entry(exchange_id=exchange_id, delivery=Delivery.PARKED, at_ms=at_ms, reason=reason)
        note = json.dumps({"exchange_id": exchange_id, "reason": reason, "parked_at_ms": at_ms}).encode()
        await self._container.upload_blob(_parked_name(exchange_id), note, overwrite=True)
        await self._append([entry])

    async def all_parked(self, most: int) -> list[dict[str, Any]]:
        """The oldest parked exchanges, with their reasons. Raises AzureError."""
        found: list[dict[str, Any]] = []
        async for name in self._container.list_blob_names(name_starts_with="parked/"):
            found.append(json.loads(await (await self._container.download_blob(name)).readall()))
            if len(found) == most:
                break
        return found

    async def is_parked(self, exchange_id: str) -> bool:
        """Whether it is on the list. Raises AzureError."""
        return await self._container.get_blob_client(_parked_name(exchange_id)).exists()

    async def unpark(self, exchange_id: str) -> bool:
        """Take it off the list; False where it is not on it. Raises AzureError."""
        try:
            await self._container.delete_blob(_parked_name(exchange_id))
        except ResourceNotFoundError:
            return False
        return True

    async def known(self, window: str) -> Known:
        """All that the ledger says of a window; 16 bytes an exchange. Raises AzureError."""
        known = Known()
        async for entries in self._entries(window):
            for count, entry in enumerate(entries):
                known.note(entry)
                if count % _AT_A_TIME == 0:
                    await asyncio.sleep(0)  # streams may be relayed by this worker, too
        return known

    async def put_report(self, report: Report) -> None:
        """Raises AzureError."""
        data = json.dumps(report.as_json(), indent=2).encode()
        metadata = {"complete": str(report.complete).lower()}
        await self._container.upload_blob(_report_name(report.window), data, overwrite=True, metadata=metadata)

    async def complete_windows(self, windows: Iterable[str]) -> set[str]:
        """Those that a report calls complete."""
        wanted = set(windows)
        complete: set[str] = set()
        for day in sorted({name.rpartition("/")[0] for name in wanted}):
            listing = self._container.list_blobs(name_starts_with=f"reports/{day}/", include=["metadata"])
            async for blob in listing:
                if (blob.metadata or {}).get("complete") == "true":
                    complete.add(blob.name.removeprefix("reports/").removesuffix(".json"))
        return complete & wanted

    async def _entries(self, window: str) -> AsyncIterator[Iterable[Entry]]:
        async for name in self._container.list_blob_names(name_starts_with=f"entries/{window}/"):
            reader = LedgerReader()
            download = await self._container.download_blob(name)
            async for piece in download.chunks():
                yield reader.feed(piece)
            if reader.unreadable:
                _log.warning("Ledger blob %s holds %d lines that are no entries", name, reader.unreadable)

    async def _append(self, entries: Sequence[Entry]) -> None:
        lines: dict[str, list[bytes]] = defaultdict(list)
        for entry in entries:
            lines[Window.of_exchange(entry.exchange_id).name].append(entry.line())
        async with self._writing:
            for window, of_window in lines.items():
                await self._append_block(window, b"".join(of_window))

    async def _append_block(self, window: str, data: bytes) -> None:
        blob = self._blobs.get(window)
        if blob is None or blob.blocks >= self._blocks_per_blob:
            blob = await self._begin(window)
        try:
            await self._container.get_blob_client(blob.name).append_block(data, length=len(data))
        except ResourceNotFoundError:  # deleted by retention, or by hand
            blob = await self._begin(window)
            await self._container.get_blob_client(blob.name).append_block(data, length=len(data))
        blob.blocks += 1

    async def _begin(self, window: str) -> _Blob:
        # Counted over all windows: creating a blob that is there would empty it, and this writer may have forgotten it.
        blob = _Blob(name=f"entries/{window}/{self._writer}-{self._begun:06}.log")
        self._begun += 1
        await self._container.get_blob_client(blob.name).create_append_blob()
        while len(self._blobs) >= _WINDOWS_KEPT:
            del self._blobs[min(self._blobs)]
        self._blobs[window] = blob
        return blob


def _parked_name(exchange_id: str) -> str:
    return f"parked/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"


def _report_name(window: str) -> str:
    return f"reports/{window}.json"
