"""Reconciliation: for each closed window, captured minus delivered is queued again, until nothing
is missing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from shared.adapters.captures import Captures
from shared.adapters.envelope_queue import EnvelopeQueue
from shared.adapters.json_blobs import JsonBlobs
from shared.adapters.ledger import Ledger
from shared.completeness.back_pressure import BackPressure
from shared.completeness.redelivery import AT_ONCE, rebuilt
from shared.concurrency.gather import gather_bounded
from shared.core.records.checkpoint import Checkpoint, resume
from shared.core.records.comparison import CapturedExchange, Comparison
from shared.core.records.window import Window, judged_windows
from shared.errors import CaptureError, EnvelopeError, StorageError, StorageNotFound

_log = logging.getLogger("fnsse.reconciliation")

# What one run may queue again for one window, and how long it may take: the next run goes on. The
# time stays below functionTimeout, and a batch is what a run that is killed repeats.
QUEUED_PER_RUN: Final = 50_000
LONGEST_S: Final = 600.0
BATCH: Final = 100
_AT_A_TIME: Final = 200  # names between two pauses: about a millisecond


class Fate(StrEnum):
    """What became of one missing exchange."""

    QUEUED = "queued"
    DEAD_LETTERED = "dead_lettered"
    ERASED = "erased"  # since it was listed
    LEFT = "left"  # storage failed


class Reconciliation:
    """The steps of a reconcile run; the orchestration in blueprints/reconcile.py strings them
    together.
    """

    def __init__(
        self,
        captures: Captures,
        ledger: Ledger,
        envelopes: EnvelopeQueue,
        json_blobs: JsonBlobs,
        back_pressure: BackPressure,
        *,
        queued_per_run: int = QUEUED_PER_RUN,
        longest_s: float = LONGEST_S,
        batch: int = BATCH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queued_per_run = queued_per_run
        self._longest_s = longest_s
        self._batch = batch
        self._clock = clock
        self._captures = captures
        self._ledger = ledger
        self._envelopes = envelopes
        self._json_blobs = json_blobs
        self._back_pressure = back_pressure

    async def blocked_reason(self) -> str | None:
        """Why nothing should be queued now; None where all is well. An outage must not become a
        storm.
        """
        return await self._back_pressure.start_blocked_reason()

    async def open_windows(
        self, until: datetime, look_back: timedelta, *, open_too: bool
    ) -> list[str]:
        """The windows of the look-back that no report calls complete, oldest first; see
        `judged_windows`.

        And those in which an operator has queued a dead-lettered exchange again.
        """
        names = [window.name for window in judged_windows(until, look_back, open_too=open_too)]
        complete = await self._ledger.complete_windows(names)
        reopened = {
            name
            for name in await self._ledger.reopened_windows()
            if open_too or Window.named(name).end <= until
        }
        return sorted({name for name in names if name not in complete} | reopened)

    async def reconcile(self, window: str, until: datetime) -> dict[str, Any]:
        """Compare, queue what is missing of what started before `until`, and publish the window's
        report.

        Raises StorageError. A retry, recognised by the same `until`, resumes after the last whole
        batch of the first attempt. Should both run at once, exchanges are queued twice and the
        counts of what was queued mix; but each calls the window complete only on its own listing,
        and on what the ledger knew of it before.
        """
        note = f"progress/reconcile/{window}.json"
        progress = resume(until.isoformat(), await self._json_blobs.get(note))
        known = await self._ledger.known(window)
        comparison = Comparison(window, known, until)
        run = _Run(comparison, progress, self._clock() + self._longest_s)
        comparison.report.ended = Window.named(window).end <= until
        async for names in self._captures.pages(f"{window}/"):
            for first in range(0, len(names), _AT_A_TIME):
                run.found(comparison.feed(names[first : first + _AT_A_TIME]))
                await self._queue_batches(run, note, least=self._batch)
                await asyncio.sleep(0)  # streams may be relayed by this worker, too
        run.found(comparison.finish())
        await self._queue_batches(run, note, least=1)
        report = comparison.report
        report.redelivered, report.aborted = (
            progress.counts["redelivered"],
            progress.counts["aborted"],
        )
        await self._ledger.put_report(report)
        if report.complete and known.reopened_ms:
            await self._ledger.close_reopened(window, known.reopened_ms)
        _log.info("Completeness of %s: %s", window, report.as_json())
        return report.as_json()

    async def _queue_batches(self, run: _Run, note: str, *, least: int) -> None:
        """Queue what was found, in whole batches; `least`: how many are worth one."""
        while len(run.missing) >= least:
            batch, run.missing = run.missing[: self._batch], run.missing[self._batch :]
            if not run.stopped:
                await self._may_go_on(run)
            if run.stopped:
                run.report.not_requeued += len(batch)
                continue
            fates = await gather_bounded(self._redeliver, batch, limit=AT_ONCE)
            run.dealt_with(batch, fates)
            await self._json_blobs.put(note, run.progress.as_json())

    async def _may_go_on(self, run: _Run) -> None:
        run.stopped = (
            run.progress.counts.total() >= self._queued_per_run or self._clock() >= run.ends_at
        )
        if not run.stopped:
            run.report.waiting = await self._back_pressure.continue_blocked_reason()
            run.stopped = run.report.waiting is not None

    async def _redeliver(self, each: CapturedExchange) -> Fate:
        try:
            envelope = await rebuilt(self._captures, each)
        except (CaptureError, EnvelopeError) as error:
            if await self._ledger.dead_letter(each.exchange_id, "corrupt_capture"):
                _log.error(
                    "Exchange %s can never be delivered and is dead-lettered: %s",
                    each.exchange_id,
                    error,
                )
            return Fate.DEAD_LETTERED
        except StorageNotFound:
            return Fate.ERASED
        except StorageError:
            return Fate.LEFT
        try:
            await self._envelopes.put(envelope)
        except StorageError:  # a queue that is gone, too, which says nothing of the exchange
            return Fate.LEFT
        return Fate.QUEUED


class _Run:
    """One attempt at one window."""

    def __init__(self, comparison: Comparison, progress: Checkpoint, ends_at: float) -> None:
        self.report = comparison.report
        self.progress = progress
        self.ends_at = ends_at
        # found and not yet dealt with: about a page's worth at most
        self.missing: list[CapturedExchange] = []
        self.stopped = False

    def found(self, missing: Iterable[CapturedExchange]) -> None:
        """What an attempt before this one has queued is under way."""
        self.missing += [each for each in missing if not self.progress.is_done(each.exchange_id)]

    def dealt_with(self, batch: Sequence[CapturedExchange], fates: Sequence[Fate]) -> None:
        """Count them, and stop where storage failed."""
        for each, fate in zip(batch, fates, strict=True):
            match fate:
                case Fate.QUEUED:
                    self.progress.counts["redelivered" if each.answered else "aborted"] += 1
                case Fate.DEAD_LETTERED:
                    self.report.dead_lettered += 1
                case Fate.ERASED:
                    self.report.captured -= 1
                case Fate.LEFT:
                    self.report.not_requeued += 1
                    self.report.waiting = "storage failed"
                    self.stopped = True
        self.progress.after = batch[-1].exchange_id
