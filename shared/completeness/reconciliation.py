"""Reconciliation: the exchanges of a window that were captured and not delivered are queued again,
until none is missing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.completeness.back_pressure import BackPressure
from shared.completeness.redelivery import MAX_CONCURRENT, rebuild_envelope, recover_upload
from shared.completeness.window_listing import list_exchanges
from shared.completeness.window_run import RedeliveryResult, WindowRun
from shared.concurrency.limits import gather_bounded
from shared.core.decisions.missing_exchanges import judged_windows
from shared.core.records.completeness.report import RUN_BLOB, Report, last_run
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.envelope import mark_requeued
from shared.core.records.exchange.window import Window
from shared.errors import CaptureError, EnvelopeError, StorageError, StorageNotFound
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureListing, CutUploads
from shared.ports.dead_letters import ReopenedWindows
from shared.ports.ledger import WindowLedger, WindowReports
from shared.ports.queues import EnvelopeSink

_log = logging.getLogger("fnsse.reconciliation")

# One run of one window queues no more envelopes, and takes no longer, than this: the next run
# continues. The time stays below functionTimeout. A run that is killed repeats at most one batch.
MAX_QUEUED: Final = 50_000
MAX_RUN_S: Final = 600.0
BATCH_SIZE: Final = 100


class Reconciliation:
    """Carries out the steps of a run, which the orchestration in
    blueprints/completeness/reconcile.py calls.
    """

    def __init__(
        self,
        *,
        captures: CaptureListing,
        uploads: CutUploads,
        ledger: WindowLedger,
        dead_letters: ReopenedWindows,
        reports: WindowReports,
        envelopes: EnvelopeSink,
        checkpoints: JsonStore,
        back_pressure: BackPressure,
        max_queued: int = MAX_QUEUED,
        max_run_s: float = MAX_RUN_S,
        batch_size: int = BATCH_SIZE,
        max_concurrent: int = MAX_CONCURRENT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._captures = captures
        self._uploads = uploads
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._reports = reports
        self._envelopes = envelopes
        self._checkpoints = checkpoints
        self._back_pressure = back_pressure
        self._max_queued = max_queued
        self._max_run_s = max_run_s
        self._batch_size = batch_size
        self._max_concurrent = max_concurrent
        self._now = now
        self._clock = clock

    async def precheck(self) -> str | None:
        """The reason not to start a run now; None if one may start. It is logged as well: the next
        run overwrites the orchestration's status, which has it too.
        """
        reason = await self._back_pressure.start_blocked_reason()
        if reason:
            _log.warning("Reconcile did nothing: %s", reason)
        with contextlib.suppress(StorageError):  # the log has it
            await self._checkpoints.put(RUN_BLOB, last_run(self._now(), reason))
        return reason

    async def open_windows(
        self, until: datetime, look_back: timedelta, *, include_open: bool
    ) -> list[str]:
        """The windows to reconcile, oldest first: those of the look-back that no report calls
        complete (see `judged_windows`), and those in which an operator requeued a dead letter.
        """
        names = [
            window.name for window in judged_windows(until, look_back, include_open=include_open)
        ]
        complete_windows = await self._reports.complete_windows(names)
        reopened_windows = {
            name
            for name in await self._dead_letters.reopened_windows()
            if include_open or Window.from_name(name).end <= until
        }
        return sorted({*names} - complete_windows | reopened_windows)

    async def reconcile(self, window: str, until: datetime) -> Report:
        """Queue the missing exchanges that started before `until`, and publish the window's report.
        Raises StorageError.

        A retry, recognised by the same `until`, resumes after the last whole batch of the first
        attempt. If both run at once, exchanges are queued twice and the counts of both mix. But
        each calls the window complete only by its own listing, and by an index of the ledger that
        is older than the listing.
        """
        run = await WindowRun.begin(window, until, self._ledger, self._checkpoints)
        ends_at = self._clock() + self._max_run_s
        async for exchanges in list_exchanges(self._captures, window):
            run.compare(exchanges)
            await self._queue_batches(run, ends_at, at_least=self._batch_size)
        await self._queue_batches(run, ends_at, at_least=1)
        report = run.finished_report()
        await self._reports.put_report(report)
        if report.complete and run.reopened_ms:
            await self._dead_letters.close_reopened(window, run.reopened_ms)
        _log.info("Completeness of %s: %s", window, json.dumps(report.to_json()))
        return report

    async def _queue_batches(self, run: WindowRun, ends_at: float, *, at_least: int) -> None:
        """Queue the missing exchanges in batches, as long as at least `at_least` are missing."""
        while len(run.missing) >= at_least:
            batch = run.take_batch(self._batch_size)
            if not run.stopped:
                await self._stop_if_blocked(run, ends_at)
            if run.stopped:
                run.report.not_requeued += len(batch)
                continue
            await run.record(
                batch, await gather_bounded(self._redeliver, batch, limit=self._max_concurrent)
            )

    async def _stop_if_blocked(self, run: WindowRun, ends_at: float) -> None:
        if run.queued_count >= self._max_queued or self._clock() >= ends_at:
            run.stop()
        elif reason := await self._back_pressure.continue_blocked_reason():
            run.stop(reason)

    async def _redeliver(self, exchange: CapturedExchange) -> RedeliveryResult:
        try:
            if not exchange.has_ended:
                exchange = await recover_upload(self._uploads, exchange)
            envelope = await rebuild_envelope(self._captures, exchange)
        except (CaptureError, EnvelopeError) as error:
            await self._dead_letter(exchange.exchange_id, error)
            return RedeliveryResult.DEAD_LETTERED
        except StorageNotFound:
            return RedeliveryResult.ERASED
        except StorageError:
            return RedeliveryResult.STORAGE_FAILED
        try:
            await self._envelopes.put(mark_requeued(envelope, "reconcile"))
        except StorageError:  # StorageNotFound as well: the queue is missing, not the exchange
            return RedeliveryResult.STORAGE_FAILED
        return RedeliveryResult.QUEUED

    async def _dead_letter(self, exchange_id: str, error: Exception) -> None:
        if await self._dead_letters.dead_letter(exchange_id, DeadLetterReason.CORRUPT_CAPTURE):
            _log.error(
                "Exchange %s can never be delivered and is dead-lettered: %s", exchange_id, error
            )
