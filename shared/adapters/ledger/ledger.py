"""The ledger in append blobs, and the completeness report of each window beside it.

Its entries are what `shared.adapters.ledger.appender` appends. Beside them, one blob each:

* `dead-letters/2026/11/23/14/<id>.json`: an exchange that can never be delivered, or whose replay
  failed, and why; what operators list.
* `refused/2026/11/23/14/<id>.json`: the Event Hub refused its event, and the poison handler has not
  counted it yet.
* `reopened/2026/11/23/14/<id> <unix ms>`: an operator requeued it, so an earlier dead letter no
  longer counts.
* `erased/2026/11/23/14/<id>.json`: it was erased, and is neither missing nor delivered any more.
* `reports/2026/11/23/14.json`: the window's last report; its metadata says whether the window is
  complete.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.storage.blob.aio import ContainerClient

from shared.adapters.blobs.json_blobs import JsonBlobs
from shared.adapters.ledger.appender import APPEND_INTERVAL_S, BLOCKS_PER_BLOB, LedgerAppender
from shared.adapters.ledger.entry_blobs import entry_blobs
from shared.adapters.ledger.first_entries import DigestReader, first_of_writer
from shared.adapters.storage.account import Storage
from shared.concurrency.gather import gather_bounded
from shared.core.records.completeness.comparison import LedgerIndex, Report
from shared.core.records.delivery.dead_letter import DeadLetterReason, DeadLetterRecord
from shared.core.records.delivery.ledger_entry import (
    CONTAINER,
    Delivery,
    LedgerEntry,
    LedgerReader,
)
from shared.core.records.delivery.recent_ids import RecentIds
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from shared.core.records.exchange.window import Window, windows_between
from shared.core.records.operator.erasure_receipt import erasure_mark_name, marks_prefix
from shared.errors import StorageError

_log = logging.getLogger("fnsse.ledger")

_READS_AT_ONCE: Final = 16
_MAX_LACKING: Final = 10_000
_ENTRIES_PER_STEP: Final = 200  # entries between two pauses: about a millisecond


class Ledger:
    """Appends what this worker delivered; reads what all workers delivered."""

    def __init__(
        self,
        storage: Storage,
        writer: str,
        clock: Callable[[], float] = time.time,
        *,
        blocks_per_blob: int = BLOCKS_PER_BLOB,
        append_interval_s: float = APPEND_INTERVAL_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`writer` is unique to this worker process."""
        # called with the reason of each new dead letter
        self.on_dead_letter: Callable[[str], None] = lambda _: None
        self.failures = 0  # appends that failed: each costs a duplicate later, never a loss
        self.appender = LedgerAppender(
            storage,
            writer,
            blocks_per_blob=blocks_per_blob,
            append_interval_s=append_interval_s,
            sleep=sleep,
        )
        self._storage = storage
        self._writer = writer
        self._lacking = RecentIds(_MAX_LACKING)
        self._json_blobs = JsonBlobs(storage)
        self._digests = DigestReader(storage)
        self._clock = clock

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def delivered(self, events: Sequence[AcceptedEvent]) -> None:
        """Append that the Event Hub accepted these events.

        A failure is logged and counted, not raised: the events are delivered.
        """
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
            await self.appender.append(entries)
        except StorageError as error:
            self.failures += 1
            self._lacking.add(event.exchange_id for event in events)
            _log.error(
                "The ledger did not take %d entries; their events may be sent again: %s",
                len(entries),
                error,
            )

    def lacks(self, exchange_id: str) -> bool:
        """Whether this worker's entry of an exchange, one of the last 10,000, was not taken."""
        return exchange_id in self._lacking

    async def first_here(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        """The exchanges that this worker was the first to deliver. Raises StorageError."""
        return await first_of_writer(self._storage, window, self._writer, exchange_ids)

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """By exchange: what its first event was made of, as far as that is known. Raises
        StorageError.
        """
        return await self._digests.read(window, exchange_ids)

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        """Note that an exchange can never be delivered; False if that was known. Raises
        StorageError.
        """
        record = self._dead_letter_record(exchange_id, reason)
        known_reason = await self.dead_letter_reason(exchange_id)
        new = known_reason is None or known_reason == DeadLetterReason.REPLAY_FAILED
        if new:
            await self._json_blobs.put(_dead_letter_name(exchange_id), record.as_json())
            self.on_dead_letter(reason)
        await self.appender.append(
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
        """List that an exchange's replay failed, for operators. It says nothing of the exchange's
        own delivery. Raises StorageError.
        """
        record = self._dead_letter_record(exchange_id, DeadLetterReason.REPLAY_FAILED)
        await self._json_blobs.put_if_absent(_dead_letter_name(exchange_id), record.as_json())

    async def record_event_rejection(self, exchange_id: str) -> None:
        """Note that the Event Hub refused the exchange's event. Raises StorageError."""
        await self._json_blobs.put(_refused_name(exchange_id), {})

    async def take_event_rejection(self, exchange_id: str) -> bool:
        """Whether a refusal was recorded since this was asked last. Raises StorageError."""
        return await self._json_blobs.delete(_refused_name(exchange_id))

    async def dead_letters(self, limit: int) -> list[DeadLetterRecord]:
        """The oldest dead letters. Raises StorageError."""
        records: list[DeadLetterRecord] = []
        async for name in self._json_blobs.names("dead-letters/"):
            fields = await self._json_blobs.get(name)
            if fields:
                records.append(DeadLetterRecord.from_json(fields))
            if len(records) == limit:
                break
        return records

    async def dead_letter_count(self, limit: int) -> int:
        """How many exchanges are dead-lettered; `limit` if there are more. Raises StorageError."""
        count = 0
        async for _ in self._json_blobs.names("dead-letters/"):
            count += 1
            if count == limit:
                break
        return count

    async def reports(self, hours: int) -> list[Report]:
        """The reports of the last hours, newest first; hours without one are left out. Raises
        StorageError.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        windows = list(windows_between(now - timedelta(hours=hours), now))
        reports = await gather_bounded(self._report, windows, limit=_READS_AT_ONCE)
        return [report for report in reversed(reports) if report is not None]

    async def _report(self, window: Window) -> Report | None:
        fields = await self._json_blobs.get(f"reports/{window.name}.json")
        return Report.from_json(fields) if fields else None

    async def dead_letter_reason(self, exchange_id: str) -> str | None:
        """Why an exchange is dead-lettered; None if it is not. Raises StorageError."""
        fields = await self._json_blobs.get(_dead_letter_name(exchange_id))
        return DeadLetterRecord.from_json(fields).reason if fields else None

    async def remove_dead_letter(self, exchange_id: str) -> bool:
        """Take an exchange off the list; False if it is not on it. Raises StorageError."""
        return await self._json_blobs.delete(_dead_letter_name(exchange_id))

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        """Note that an exchange is erased, by that run; None: by its id alone. Raises
        StorageError.
        """
        at_ms = int(self._clock() * 1000)
        await self._json_blobs.put(erasure_mark_name(exchange_id), {"run": run, "at_ms": at_ms})

    async def unmark_erased(self, exchange_id: str) -> None:
        """The exchange could not be erased after all. Raises StorageError."""
        await self._json_blobs.delete(erasure_mark_name(exchange_id))

    async def is_erased(self, exchange_id: str) -> bool:
        """Whether an exchange is marked as erased. Raises StorageError."""
        return await self._json_blobs.get(erasure_mark_name(exchange_id)) is not None

    async def erased(self, window: str) -> set[str]:
        """The exchanges of a window that are marked as erased. Raises StorageError."""
        names = self._json_blobs.names(marks_prefix(window))
        return {name.rpartition("/")[2].removesuffix(".json") async for name in names}

    async def reopen(self, exchange_id: str) -> None:
        """Judge an exchange again: dead letters until now no longer count. Raises StorageError."""
        at_ms = int(self._clock() * 1000)
        await self._json_blobs.put(
            f"reopened/{Window.of_exchange(exchange_id).name}/{exchange_id} {at_ms}", {}
        )

    async def reopened_windows(self) -> set[str]:
        """The windows in which an exchange was reopened, however old they are. Raises
        StorageError.
        """
        return {_window_in(name) async for name in self._json_blobs.names("reopened/")}

    async def close_reopened(self, window: str, reopened_ms: Mapping[str, int]) -> None:
        """The window is complete: forget what was reopened in it by these moments, because it has
        been delivered or dead-lettered since. Raises StorageError.

        `reopened_ms` is the index's. What was reopened while the window was judged stays so.
        """
        async for name, exchange_id, at_ms in self._reopenings(window):
            if at_ms <= reopened_ms.get(exchange_id, -1):
                await self._json_blobs.delete(name)

    async def index(self, window: str) -> LedgerIndex:
        """All that the ledger says of a window; 16 bytes an exchange. Raises StorageError."""
        index = LedgerIndex(
            reopened_ms=await self._reopen_times(window), erased=await self.erased(window)
        )
        async for entries in self._entries(window):
            for count, entry in enumerate(entries):
                index.note(entry)
                if count % _ENTRIES_PER_STEP == 0:
                    await asyncio.sleep(0)  # this worker may relay streams as well
        return index

    async def put_report(self, report: Report) -> None:
        """Keep a window's report in place of the last one. Raises StorageError."""
        metadata = {"complete": str(report.complete).lower()}
        await self._json_blobs.put(f"reports/{report.window}.json", report.as_json(), metadata)

    async def complete_windows(self, windows: Iterable[str]) -> set[str]:
        """Those that a report calls complete. Raises StorageError."""
        window_set = set(windows)
        complete: set[str] = set()
        for day in sorted({name.rpartition("/")[0] for name in window_set}):
            listing = self._container.list_blobs(
                name_starts_with=f"reports/{day}/", include=["metadata"]
            )
            async for page in self._storage.each(listing.by_page()):
                async for blob in page:
                    if (blob.metadata or {}).get("complete") == "true":
                        complete.add(blob.name.removeprefix("reports/").removesuffix(".json"))
        return complete & window_set

    def _dead_letter_record(self, exchange_id: str, reason: DeadLetterReason) -> DeadLetterRecord:
        at_ms = int(self._clock() * 1000)
        return DeadLetterRecord(exchange_id=exchange_id, reason=reason, dead_lettered_at_ms=at_ms)

    async def _reopen_times(self, window: str) -> dict[str, int]:
        moments: dict[str, int] = {}
        async for _, exchange_id, at_ms in self._reopenings(window):
            moments[exchange_id] = max(at_ms, moments.get(exchange_id, 0))
        return moments

    async def _reopenings(self, window: str) -> AsyncIterator[tuple[str, str, int]]:
        """Blob name, exchange and unix milliseconds of each reopening."""
        for name in [name async for name in self._json_blobs.names(f"reopened/{window}/")]:
            exchange_id, _, at_ms = name.rpartition("/")[2].partition(" ")
            yield name, exchange_id, int(at_ms)

    async def _entries(self, window: str) -> AsyncIterator[Iterable[LedgerEntry]]:
        async for name, pieces in entry_blobs(self._storage, window):
            reader = LedgerReader()
            async for piece in pieces:
                yield reader.feed(piece)
            if reader.unreadable:
                _log.warning(
                    "Ledger blob %s holds %d lines that are not entries", name, reader.unreadable
                )


def _dead_letter_name(exchange_id: str) -> str:
    return f"dead-letters/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"


def _refused_name(exchange_id: str) -> str:
    return f"refused/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"


def _window_in(name: str) -> str:
    """`reopened/2026/11/23/14/…` -> `2026/11/23/14`."""
    return name.partition("/")[2].rpartition("/")[0]
