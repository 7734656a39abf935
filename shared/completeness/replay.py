"""Replaying: a window's exchanges are queued again, a page at a time, with live traffic going
first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.adapters.captures import Captures
from shared.adapters.envelope_queue import EnvelopeQueue
from shared.adapters.json_blobs import JsonBlobs
from shared.completeness.back_pressure import BackPressure
from shared.completeness.redelivery import AT_ONCE, rebuilt
from shared.concurrency.gather import gather_bounded
from shared.core.records.capture import response_name
from shared.core.records.checkpoint import resume
from shared.core.records.comparison import CapturedExchange, captured_exchanges
from shared.core.records.envelope import Envelope, mark_replayed
from shared.core.records.exchange_id import started_at
from shared.core.records.replay_request import ReplayRequest
from shared.errors import CaptureError, EnvelopeError, StorageNotFound

PAGE: Final = 500  # blob names, so about 250 exchanges
BATCH: Final = 50  # exchanges: what a page that is tried again repeats at most
# Replay waits while more than this is on the queue: live exchanges are enriched first.
BUSY_QUEUE: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What one step did."""

    queued: int
    unreadable: int  # corrupt captures, which no replay can deliver
    marker: str | None  # where the next page begins; None: the window is done
    waiting: str | None  # why nothing was done: live work, or the Event Hub is not ready


class ReplayRunner:
    """The steps of a replay; the orchestration in blueprints/replay.py strings them together."""

    def __init__(
        self,
        captures: Captures,
        envelopes: EnvelopeQueue,
        json_blobs: JsonBlobs,
        back_pressure: BackPressure,
        longest: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        page: int = PAGE,
        batch: int = BATCH,
        busy_queue: int = BUSY_QUEUE,
    ) -> None:
        self._page = page
        self._batch = batch
        self._busy_queue = busy_queue
        self._captures = captures
        self._envelopes = envelopes
        self._json_blobs = json_blobs
        self._back_pressure = back_pressure
        # that an exchange can take: a younger one without an answer is not aborted, it is running
        self._longest = longest
        self._clock = clock

    async def page(
        self, instance: str, replay: ReplayRequest, window: str, marker: str | None
    ) -> Page:
        """Queue one page of a window again; `instance` is the replay's. Raises StorageError.

        A second attempt at the same page goes on behind the last whole batch of the first.
        """
        if blocked_reason := await self._back_pressure.replay_blocked_reason(self._busy_queue):
            return Page(queued=0, unreadable=0, marker=marker, waiting=blocked_reason)
        note = f"progress/replay/{instance}.json"
        progress = resume(f"{window} {marker}", await self._json_blobs.get(note))
        names, following = await self._captures.page(f"{window}/", marker, self._page)
        wanted = [
            each
            for each in captured_exchanges(names)
            if self._is_wanted(replay, each) and not progress.is_done(each.exchange_id)
        ]

        async def requeue(each: CapturedExchange) -> str:
            return await self._requeue(replay, each)

        for first in range(0, len(wanted), self._batch):
            batch = wanted[first : first + self._batch]
            progress.counts.update(await gather_bounded(requeue, batch, limit=AT_ONCE))
            progress.after = batch[-1].exchange_id
            await self._json_blobs.put(note, progress.as_json())
        counts = progress.counts
        return Page(
            queued=counts["queued"], unreadable=counts["unreadable"], marker=following, waiting=None
        )

    def _is_wanted(self, replay: ReplayRequest, each: CapturedExchange) -> bool:
        return replay.wants_id(each.exchange_id) and not self._may_be_running(each)

    async def _requeue(self, replay: ReplayRequest, each: CapturedExchange) -> str:
        """`queued`, `unreadable` or `unwanted`."""
        try:
            envelope = await self._envelope(each)
        except (CaptureError, EnvelopeError):
            return "unreadable"
        if envelope is None or not replay.wants(envelope):
            return "unwanted"
        await self._envelopes.put(mark_replayed(envelope))
        return "queued"

    def _may_be_running(self, each: CapturedExchange) -> bool:
        return not each.answered and started_at(each.exchange_id) > self._clock() - self._longest

    async def _envelope(self, each: CapturedExchange) -> Envelope | None:
        """None where the exchange belongs to the next page, or was erased meanwhile."""
        try:
            if not each.answered and await self._captures.exists(response_name(each.exchange_id)):
                return None
            return await rebuilt(self._captures, each)
        except StorageNotFound:
            return None
