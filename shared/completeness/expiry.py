"""Erases the captures whose retention by a content rule is over.

A header without caller, envelope and body remains, which says that the capture has expired. If the
exchange's event was not accepted by then, it can never be. So the exchange is dead-lettered, and
the report of its hour counts it.

A window's exchanges are erased in batches. If the time of a run is over, the next run continues
after the last whole batch.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from shared.completeness.redelivery import MAX_CONCURRENT
from shared.completeness.stored_checkpoint import StoredCheckpoint
from shared.completeness.window_listing import list_exchanges
from shared.concurrency.limits import gather_bounded
from shared.core.records.completeness import retention
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.delivery.ledger_entries import LedgerIndex
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import CaptureKind, capture_name, outcome_name
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.window import Window
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import CaptureError, StorageError, StorageNotFound
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureErasure, CaptureListing, CaptureSink
from shared.ports.dead_letters import DeadLetterSink
from shared.ports.ledger import WindowLedger

_log = logging.getLogger("fnsse.retention")

MAX_RUN_S: Final = 240.0  # a run starts every hour, and continues the one before


class ExpiringCaptures(CaptureListing, CaptureSink, CaptureErasure, Protocol):
    """Lists captures, and replaces or erases them."""


class ExpiryResult(StrEnum):
    """The result of one exchange."""

    UNCHANGED = "unchanged"  # it is not due, or its captures were erased before
    ERASED = "erased"
    UNDELIVERED = "undelivered"  # erased, and its event was never accepted
    FAILED = "failed"  # its captures could not be read or erased


@dataclass(kw_only=True, slots=True)
class ExpiryRun:
    """The counts of one run."""

    erased: int = 0  # exchanges whose captures are erased now
    undelivered: int = 0  # erased exchanges whose events were never accepted
    failed: int = 0  # exchanges whose captures could not be read or erased; they are tried again

    def add(self, results: Counter[ExpiryResult]) -> None:
        """Count the results of a batch."""
        self.erased += results[ExpiryResult.ERASED] + results[ExpiryResult.UNDELIVERED]
        self.undelivered += results[ExpiryResult.UNDELIVERED]
        self.failed += results[ExpiryResult.FAILED]


class Expiry:
    """Erases the captures that are due."""

    def __init__(
        self,
        *,
        captures: ExpiringCaptures,
        ledger: WindowLedger,
        dead_letters: DeadLetterSink,
        records: JsonStore,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        max_run_s: float = MAX_RUN_S,
        max_concurrent: int = MAX_CONCURRENT,
    ) -> None:
        self._captures = captures
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._records = records
        self._now = now
        self._clock = clock
        self._max_run_s = max_run_s
        self._max_concurrent = max_concurrent

    async def erase_due(self) -> ExpiryRun:
        """Erase the captures that are due, the oldest first, until all are erased or the time is
        over. Raises StorageError if storage cannot be listed; the next run tries again.
        """
        run, ends_at = ExpiryRun(), self._clock() + self._max_run_s
        async for name in self._records.names(retention.PREFIX):
            window = retention.due_window(name, self._now())
            if window is None:  # the windows that follow are not due either
                break
            if not await self._erase_window(name, window, run, ends_at):
                break
        if run.erased or run.failed:
            _log.warning(
                "Retention is over of %d exchanges, whose captures are erased; "
                "%d of them were never delivered; %d could not be erased and are tried again",
                run.erased,
                run.undelivered,
                run.failed,
            )
        return run

    async def _erase_window(
        self, mark: str, window: Window, run: ExpiryRun, ends_at: float
    ) -> bool:
        """Erase the captures of one window that are due, and then its mark, unless some could not
        be erased. Returns False if the time was over before.
        """
        progress = f"progress/expiry/{window.name}.json"
        checkpoint = await StoredCheckpoint.resume(self._records, progress, step=mark)
        index = await self._ledger.index(window.name)

        async def expire(exchange: CapturedExchange) -> ExpiryResult:
            return await self._expire(exchange, index)

        async for exchanges in list_exchanges(self._captures, window.name):
            batch = [
                exchange for exchange in exchanges if not checkpoint.is_done(exchange.exchange_id)
            ]
            if not batch:
                continue
            if self._clock() >= ends_at:
                return False
            results = Counter(await gather_bounded(expire, batch, limit=self._max_concurrent))
            run.add(results)
            checkpoint.counts.update(results)
            await checkpoint.advance(batch[-1].exchange_id)
        # The checkpoint goes first: it must not outlive the mark, which may be made again.
        await self._records.delete(progress)
        if not checkpoint.counts[ExpiryResult.FAILED]:
            await self._records.delete(mark)
        return True

    async def _expire(self, exchange: CapturedExchange, index: LedgerIndex) -> ExpiryResult:
        """Erase an exchange's captures if they are due, and dead-letter it if it is undelivered."""
        exchange_id = exchange.exchange_id
        try:
            headers = await self._headers(exchange)
            if not self._is_due(exchange, headers):
                return ExpiryResult.UNCHANGED
            unexpired = {
                kind: header for kind, header in headers.items() if not capture.is_expired(header)
            }
            undelivered = _is_undelivered(exchange_id, headers, index)
            await self._replace(exchange_id, unexpired, undelivered=undelivered)
            is_new = undelivered and await self._dead_letters.dead_letter(
                exchange_id, DeadLetterReason.EXPIRED
            )
            if CaptureKind.OUTCOME in headers:  # last: it may be all that is stored
                await self._captures.erase(outcome_name(exchange_id))
        except StorageError:
            return ExpiryResult.FAILED
        if is_new:
            return ExpiryResult.UNDELIVERED
        return ExpiryResult.ERASED if unexpired else ExpiryResult.UNCHANGED

    async def _headers(self, exchange: CapturedExchange) -> dict[CaptureKind, JsonObject]:
        """The headers of an exchange's captures, but those that are gone or cannot be read: their
        retention is not known.
        """
        headers = {}
        for kind in sorted(exchange.kinds):
            with contextlib.suppress(StorageNotFound, CaptureError):
                headers[kind] = await self._captures.header(
                    capture_name(exchange.exchange_id, kind)
                )
        return headers

    def _is_due(
        self, exchange: CapturedExchange, headers: Mapping[CaptureKind, JsonObject]
    ) -> bool:
        days = {capture.retention_days(header) for header in headers.values()} - {None}
        window = Window.of_exchange(exchange.exchange_id)
        return any(retention.due_at(window, limit) <= self._now() for limit in days if limit)

    async def _replace(
        self, exchange_id: str, headers: Mapping[CaptureKind, JsonObject], *, undelivered: bool
    ) -> None:
        """Replace the captures of these headers, but the outcome, which has no body."""
        for kind, header in headers.items():
            if kind is not CaptureKind.OUTCOME:
                expired = capture.expired_capture(header, undelivered=undelivered)
                await self._captures.put(capture_name(exchange_id, kind), (expired,))


def _is_undelivered(
    exchange_id: str, headers: Mapping[CaptureKind, JsonObject], index: LedgerIndex
) -> bool:
    """Whether the event was not accepted when the first capture was replaced. If an earlier run
    replaced some captures and failed, they say it: a ledger that is gone by now does not prove it.
    An exchange that is a dead letter or erased already is not undelivered: the index has it.
    """
    if exchange_id in index or exchange_id in index.erased:
        return False
    expired = [header for header in headers.values() if capture.is_expired(header)]
    return not expired or any(map(capture.is_undelivered, expired))
