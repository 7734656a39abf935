"""The state of delivery, for operators: queues, dead letters, failures and their reasons.

Some figures are those of one worker: the events that it sent, and what it holds in memory. The
others are read from storage, and are the same whichever worker responds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from shared.core.decisions.acceptance import Acceptance
from shared.core.records.completeness.report import RUN_BLOB
from shared.errors import StorageError
from shared.ports.blobs import JsonStore
from shared.ports.dead_letters import DeadLetterListing
from shared.ports.ledger import ReportListing
from shared.ports.queues import QueueLength

_SHOWN_DEAD_LETTERS: Final = 10
_COUNTED_DEAD_LETTERS: Final = 1000  # one listing; pages ask for the status every few seconds
MAX_HOURS: Final = 31 * 24
_UNREACHABLE: Final = {"error": "storage cannot be reached"}


class RecordingState(Protocol):
    """The exchanges that this worker has not stored yet."""

    @property
    def waiting_count(self) -> int:
        """Exchanges that wait in memory until storage takes how they ended."""
        ...

    @property
    def lost_count(self) -> int:
        """Exchanges that no store took since the worker started; the log has their envelopes."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusSources:
    """The sources of the status."""

    queue: QueueLength
    poison_queue: QueueLength
    dead_letters: DeadLetterListing
    reports: ReportListing
    json_objects: JsonStore
    recording: RecordingState
    acceptance: Callable[[], Acceptance]


class Status:
    """Reads the status; a store that cannot be reached is named in its place."""

    def __init__(
        self,
        sources: StatusSources,
        worker: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`worker`: the id of this worker, since some figures are its own."""
        self._sources = sources
        self._worker = worker
        self._now = now
        self._started_at = now()

    async def read(self) -> dict[str, object]:
        """The response of `GET /ops/status`."""
        queue, poison, reconcile, dead_letters = await asyncio.gather(
            _or_error(self._queue(self._sources.queue)),
            _or_error(self._queue(self._sources.poison_queue)),
            _or_error(self._reconcile()),
            _or_error(self._dead_letters()),
        )
        return {
            "at": self._now().isoformat(),
            "worker": self._of_this_worker(),
            "queue": queue,
            "poison_queue": poison,
            "reconcile": reconcile,
            "dead_letters": dead_letters,
        }

    async def reports(self, hours: int) -> list[dict[str, object]]:
        """The reports of the last hours, newest first. Raises StorageError."""
        return [dict(report.to_json()) for report in await self._sources.reports.reports(hours)]

    def _of_this_worker(self) -> dict[str, object]:
        acceptance = self._sources.acceptance()
        return {
            "id": self._worker,
            "started_at": self._started_at.isoformat(),
            "event_hub": {
                "accepting": acceptance.degradation(self._now()) is None,
                "last_accepted_at": _iso(acceptance.accepted_at),
                "failing_since": _iso(acceptance.failing_since),
                "last_error_at": _iso(acceptance.failed_at),
                "last_error": acceptance.error,
            },
            "recording": {
                "waiting": self._sources.recording.waiting_count,
                "lost": self._sources.recording.lost_count,
            },
        }

    async def _queue(self, queue: QueueLength) -> dict[str, object]:
        length, oldest_at = await asyncio.gather(queue.approximate_length(), queue.oldest_at())
        age_s = None if oldest_at is None else (self._now() - oldest_at).total_seconds()
        return {
            "length": length,
            "oldest_at": _iso(oldest_at),
            "oldest_age_s": None if age_s is None else round(age_s, 1),
        }

    async def _reconcile(self) -> dict[str, object]:
        return await self._sources.json_objects.get(RUN_BLOB) or {"at": None, "waiting": None}

    async def _dead_letters(self) -> dict[str, object]:
        count, oldest = await asyncio.gather(
            self._sources.dead_letters.dead_letter_count(_COUNTED_DEAD_LETTERS),
            self._sources.dead_letters.dead_letters(_SHOWN_DEAD_LETTERS),
        )
        return {"count": count, "oldest": [record.to_json() for record in oldest]}


async def _or_error(part: Awaitable[dict[str, object]]) -> Mapping[str, object]:
    try:
        return await part
    except StorageError:
        return _UNREACHABLE


def hours_of(text: str) -> int | None:
    """A number of hours as a caller writes it; None if it is not one from 1 to MAX_HOURS."""
    is_short = len(text) <= len(str(MAX_HOURS))  # int() takes its time over many digits
    hours = int(text) if is_short and text.isascii() and text.isdecimal() else 0
    return hours if 1 <= hours <= MAX_HOURS else None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
