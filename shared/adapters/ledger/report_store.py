"""The last report of each window: `reports/2026/11/23/14.json`. The blob's metadata says if the
window is complete.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.storage.blob.aio import ContainerClient

from shared.adapters.blobs.json_blobs import JsonBlobs
from shared.adapters.storage.account import StorageAccount
from shared.concurrency.limits import gather_bounded
from shared.core.records.completeness.report import Report
from shared.core.records.delivery.ledger_entries import CONTAINER
from shared.core.records.exchange.window import Window, windows_between

MAX_CONCURRENT: Final = 16  # reads of reports


class ReportStore:
    """Stores and reads the reports: the ports of shared/ports/ledger.py."""

    def __init__(
        self,
        storage: StorageAccount,
        json_blobs: JsonBlobs,
        clock: Callable[[], float] = time.time,
        *,
        max_concurrent: int = MAX_CONCURRENT,
    ) -> None:
        self._storage = storage
        self._json_blobs = json_blobs
        self._clock = clock
        self._max_concurrent = max_concurrent

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def put_report(self, report: Report) -> None:
        metadata = {"complete": str(report.complete).lower()}
        await self._json_blobs.put(f"reports/{report.window}.json", report.to_json(), metadata)

    async def reports(self, hours: int) -> list[Report]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        windows = list(windows_between(now - timedelta(hours=hours), now))
        reports = await gather_bounded(self._report, windows, limit=self._max_concurrent)
        return [report for report in reversed(reports) if report is not None]

    async def complete_windows(self, windows: Iterable[str]) -> set[str]:
        """One listing for each day of the windows; no report is read."""
        window_set = set(windows)
        complete: set[str] = set()
        for day in sorted({name.rpartition("/")[0] for name in window_set}):
            listing = self._container.list_blobs(
                name_starts_with=f"reports/{day}/", include=["metadata"]
            )
            async for page in self._storage.iterate(listing.by_page()):
                async for blob in page:
                    if (blob.metadata or {}).get("complete") == "true":
                        complete.add(blob.name.removeprefix("reports/").removesuffix(".json"))
        return complete & window_set

    async def _report(self, window: Window) -> Report | None:
        fields = await self._json_blobs.get(f"reports/{window.name}.json")
        return Report.from_json(fields) if fields else None
