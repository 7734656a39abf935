"""Completeness of one window: the captured exchanges minus the delivered ones.

Captures are listed in the order of their names, so those of an exchange follow each other
(`<id>.outcome`, `<id>.request`, `<id>.response`). Only the ids that the ledger knows are held in
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.core.decisions.id_set import IdSet
from shared.core.records.completeness.report import Report
from shared.core.records.delivery.ledger_entry import Delivery, LedgerEntry
from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.exchange_id import is_exchange_id, started_at

_WITH_OUTCOME: Final = frozenset({CaptureKind.RESPONSE, CaptureKind.OUTCOME})


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedExchange:
    """An exchange of which at least one capture is stored."""

    exchange_id: str
    kinds: frozenset[CaptureKind]  # the kinds of its captures

    @property
    def has_ended(self) -> bool:
        """A capture says how the exchange ended; otherwise the instance was killed before."""
        return bool(self.kinds & _WITH_OUTCOME)

    def may_be_running(self, oldest: datetime) -> bool:
        """Whether it may still be running, if one that started after `oldest` may."""
        return not self.has_ended and started_at(self.exchange_id) > oldest


@dataclass(kw_only=True, slots=True)
class LedgerIndex:
    """The exchanges of a window that the ledger knows."""

    delivered: IdSet = field(default_factory=IdSet)
    dead_lettered: IdSet = field(default_factory=IdSet)
    duplicates: int = 0  # events that were delivered more than once
    # dead-lettered exchanges that were queued again, with the time; few
    reopened_ms: dict[str, int] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)  # erased by an operator; few

    def note(self, entry: LedgerEntry) -> None:
        """Add one entry. A dead letter that was requeued since counts no longer."""
        if entry.delivery is Delivery.DEAD_LETTERED and entry.at_ms <= self.reopened_ms.get(
            entry.exchange_id, -1
        ):
            return
        ids = self.delivered if entry.delivery is Delivery.DELIVERED else self.dead_lettered
        if not ids.add(entry.exchange_id) and entry.delivery is Delivery.DELIVERED:
            self.duplicates += 1

    def __contains__(self, exchange_id: str) -> bool:
        return exchange_id in self.delivered or exchange_id in self.dead_lettered


class CaptureGrouping:
    """Groups the names of captures by exchange.

    Feed it names in the order of a listing, page by page.
    """

    def __init__(self) -> None:
        self._current: str | None = None
        self._kinds: set[CaptureKind] = set()

    def feed(self, names: Iterable[str]) -> Iterator[CapturedExchange]:
        """The exchanges whose captures are all known: those before the last one of `names`."""
        for name in names:
            parts = _parts(name)
            if parts is None:
                continue
            exchange_id, kind = parts
            if exchange_id != self._current:
                yield from self.flush()
                self._current = exchange_id
            self._kinds.add(kind)

    def flush(self) -> Iterator[CapturedExchange]:
        """The last exchange, if there is one: no further capture of it follows."""
        if self._current is not None:
            yield CapturedExchange(exchange_id=self._current, kinds=frozenset(self._kinds))
        self._current, self._kinds = None, set()


def captured_exchanges(names: Iterable[str]) -> Iterator[CapturedExchange]:
    """The exchanges in one page of names.

    Captures of the first one may be on the page before, and of the last one on the next.
    """
    grouping = CaptureGrouping()
    yield from grouping.feed(names)
    yield from grouping.flush()


class Comparison:
    """Finds the captured exchanges that the ledger does not know.

    Feed it the window's blob names in their order, page by page.

    An exchange that started at `until` or later is not judged while the ledger does not know it.
    """

    def __init__(self, window: str, index: LedgerIndex, until: datetime) -> None:
        self.report = Report(window=window)
        self._until = until
        self._index = index
        self._exchanges = CaptureGrouping()

    def feed(self, names: Iterable[str]) -> Iterator[CapturedExchange]:
        """The missing exchanges among those whose last name is in `names`."""
        return filter(self._count, self._exchanges.feed(names))

    def finish(self) -> Iterator[CapturedExchange]:
        """The last exchange, if it is missing. The report is complete afterwards."""
        yield from filter(self._count, self._exchanges.flush())
        self.report.duplicates = self._index.duplicates
        self.report.erased = len(self._index.erased)
        erased = sum(exchange_id in self._index.delivered for exchange_id in self._index.erased)
        self.report.without_capture = len(self._index.delivered) - erased - self.report.delivered

    def _count(self, exchange: CapturedExchange) -> bool:
        """Count an exchange in the report. Returns whether it is missing."""
        exchange_id = exchange.exchange_id
        if exchange_id in self._index.erased:
            return False  # an interrupted run of erase may have left captures of it
        if exchange_id not in self._index and started_at(exchange_id) >= self._until:
            self.report.running += 1
            return False
        self.report.captured += 1
        if exchange_id in self._index.delivered:
            self.report.delivered += 1
            return False
        if exchange_id in self._index.dead_lettered:
            self.report.dead_lettered += 1
            return False
        return True


def _parts(name: str) -> tuple[str, CaptureKind] | None:
    """`2026/11/23/14/<id>.request` -> the id and REQUEST; None if it is not a capture's name."""
    exchange_id, _, kind = name.rpartition("/")[2].rpartition(".")
    if not is_exchange_id(exchange_id) or kind not in CaptureKind:
        return None
    return exchange_id, CaptureKind(kind)
