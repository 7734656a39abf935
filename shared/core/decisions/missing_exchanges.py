"""The exchanges that are missing on the Event Hub: in which windows they are looked for, and which
of the captured ones they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from shared.core.records.completeness.report import Report
from shared.core.records.delivery.ledger_entries import LedgerIndex
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.window import Window, windows_between


def judged_windows(until: datetime, look_back: timedelta, *, include_open: bool) -> list[Window]:
    """The windows of the look-back, oldest first: those that ended by `until`, or with
    `include_open` all that began by then.

    `until` is the present less the longest time that an exchange can take: no exchange that
    started before it is still running.
    """
    windows = windows_between(until - look_back, until)
    return [window for window in windows if include_open or window.end <= until]


class Comparison:
    """Finds the captured exchanges that the ledger does not know.

    Only the ids that the ledger knows are held in memory.

    An exchange that started at `until` or later is not judged while the ledger does not know it.
    """

    def __init__(self, window: str, index: LedgerIndex, until: datetime) -> None:
        self.report = Report(window=window)
        self._until = until
        self._index = index

    def missing(self, exchanges: Iterable[CapturedExchange]) -> Iterator[CapturedExchange]:
        """The missing ones among these exchanges of the window, each of which is given once."""
        return filter(self._count, exchanges)

    def finish(self) -> None:
        """Complete the report, after all exchanges of the window."""
        self.report.duplicates = self._index.duplicates
        self.report.erased = len(self._index.erased)
        erased = sum(exchange_id in self._index.delivered for exchange_id in self._index.erased)
        self.report.without_capture = len(self._index.delivered) - erased - self.report.delivered

    def _count(self, exchange: CapturedExchange) -> bool:
        """Count an exchange in the report. Returns whether it is missing."""
        exchange_id = exchange.exchange_id
        if exchange_id in self._index.erased:
            return False  # an interrupted run of erase may have left captures of it
        is_missing = False
        if exchange_id in self._index.delivered:
            self.report.delivered += 1
        elif exchange_id in self._index.dead_lettered:
            self.report.dead_lettered += 1
        elif started_at(exchange_id) >= self._until:
            self.report.running += 1
            return False
        else:
            is_missing = True
        self.report.captured += 1
        return is_missing
