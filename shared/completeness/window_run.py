"""One attempt of reconcile at one window: the missing exchanges, and the window's report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Self

from shared.completeness.stored_checkpoint import StoredCheckpoint
from shared.core.decisions.missing_exchanges import Comparison
from shared.core.records.completeness.report import Report
from shared.core.records.delivery.ledger_entries import LedgerIndex
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.window import Window
from shared.ports.blobs import JsonStore
from shared.ports.ledger import WindowLedger


class RedeliveryResult(StrEnum):
    """The result of one missing exchange."""

    QUEUED = "queued"
    DEAD_LETTERED = "dead_lettered"
    ERASED = "erased"  # since its captures were listed
    STORAGE_FAILED = "storage_failed"


class WindowRun:
    """Compares a window's captures with the ledger, and counts the results of the missing
    exchanges.
    """

    def __init__(
        self, window: str, index: LedgerIndex, until: datetime, checkpoint: StoredCheckpoint
    ) -> None:
        """`until`: exchanges that started before are judged. `checkpoint`: the progress of all
        attempts of this run at this window.
        """
        self.reopened_ms = index.reopened_ms  # dead letters that were queued again, with the time
        self._comparison = Comparison(window, index, until)
        self._checkpoint = checkpoint
        self.report = self._comparison.report
        self.report.ended = Window.from_name(window).end <= until
        self.missing: list[CapturedExchange] = []  # not yet redelivered: a page's worth at most
        self.stopped = False

    @classmethod
    async def begin(
        cls, window: str, until: datetime, ledger: WindowLedger, checkpoints: JsonStore
    ) -> Self:
        """The first attempt at a window, or the next one after an attempt with the same `until`.
        Reads the progress and the ledger. Raises StorageError.
        """
        checkpoint = await StoredCheckpoint.resume(
            checkpoints, f"progress/reconcile/{window}.json", step=until.isoformat()
        )
        return cls(window, await ledger.index(window), until, checkpoint)

    @property
    def queued_count(self) -> int:
        """Envelopes that all attempts of this run have queued."""
        return self._checkpoint.counts.total()

    def compare(self, exchanges: Iterable[CapturedExchange]) -> None:
        """Compare the window's next exchanges with the ledger. Those that an earlier attempt has
        dealt with are not redelivered again.
        """
        self.missing += [
            exchange
            for exchange in self._comparison.missing(exchanges)
            if not self._checkpoint.is_done(exchange.exchange_id)
        ]

    def take_batch(self, size: int) -> list[CapturedExchange]:
        """Take the oldest missing exchanges off the list. The caller redelivers them."""
        batch, self.missing = self.missing[:size], self.missing[size:]
        return batch

    def stop(self, reason: str | None = None) -> None:
        """Queue nothing more in this attempt. The report names the reason if there is one that an
        operator can change.
        """
        self.stopped = True
        self.report.waiting = reason

    async def record(
        self, batch: Sequence[CapturedExchange], results: Sequence[RedeliveryResult]
    ) -> None:
        """Count the results of a batch, and store the progress. Stops if storage failed. Raises
        StorageError.
        """
        for exchange, result in zip(batch, results, strict=True):
            match result:
                case RedeliveryResult.QUEUED:
                    kind = "redelivered" if exchange.has_ended else "aborted"
                    self._checkpoint.counts[kind] += 1
                case RedeliveryResult.DEAD_LETTERED:
                    self.report.dead_lettered += 1
                case RedeliveryResult.ERASED:
                    self.report.captured -= 1
                case RedeliveryResult.STORAGE_FAILED:
                    self.report.not_requeued += 1
                    self.stop("storage failed")
        await self._checkpoint.advance(batch[-1].exchange_id)

    def finished_report(self) -> Report:
        """The window's report, after all its exchanges, with the counts of all attempts of this
        run.
        """
        self._comparison.finish()
        self.report.redelivered = self._checkpoint.counts["redelivered"]
        self.report.aborted = self._checkpoint.counts["aborted"]
        return self.report
