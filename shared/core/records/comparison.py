"""Completeness: captured minus delivered, for one window.

The captures of a window are listed in the order of their names, so the two sides of an exchange
follow each other (`<id>.request`, `<id>.response`), and nothing but the ids that the ledger knows
has to be held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Self

from shared.core.records.exchange_id import started_at
from shared.core.records.id_set import IdSet
from shared.core.records.ledger_entry import Delivery, LedgerEntry

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedExchange:
    """An exchange that was captured and of which the ledger knows nothing."""

    exchange_id: str
    answered: bool  # a response capture is there; otherwise the instance was killed before


@dataclass(kw_only=True, slots=True)
class LedgerIndex:
    """What the ledger says of a window."""

    delivered: IdSet = field(default_factory=IdSet)
    dead_lettered: IdSet = field(default_factory=IdSet)
    duplicates: int = 0  # events that were delivered more than once
    # dead-lettered ones that were queued again, and when: few
    reopened_ms: dict[str, int] = field(default_factory=dict)

    def note(self, entry: LedgerEntry) -> None:
        """Take in one entry."""
        if entry.delivery is Delivery.DEAD_LETTERED and entry.at_ms <= self.reopened_ms.get(
            entry.exchange_id, -1
        ):
            return
        known = self.delivered if entry.delivery is Delivery.DELIVERED else self.dead_lettered
        if not known.add(entry.exchange_id) and entry.delivery is Delivery.DELIVERED:
            self.duplicates += 1

    def __contains__(self, exchange_id: str) -> bool:
        return exchange_id in self.delivered or exchange_id in self.dead_lettered


@dataclass(kw_only=True, slots=True)
class Report:
    """The completeness of one window: what an auditor reads."""

    window: str
    captured: int = 0  # exchanges of which at least one capture is there
    delivered: int = 0  # of those, with a ledger entry that says so
    dead_lettered: int = 0  # of those, never to be delivered; see the ledger for the reasons
    redelivered: int = 0  # queued again in this run: a response capture without an entry
    aborted: int = 0  # queued in this run: a request capture alone
    # The next two know only what the ledger took: what was delivered while it could not be written
    # is in neither.
    duplicates: int = 0
    without_capture: int = 0  # delivered, and no capture is there
    running: int = 0  # too young to be judged: they may still be relayed, or on their way
    # missing and not queued in this run, because it had to stop; the next one goes on
    not_requeued: int = 0
    waiting: str | None = None  # why it had to
    ended: bool = False  # no exchange of this window can begin, or be on its way, any more

    @property
    def complete(self) -> bool:
        """Every exchange of the window is delivered or dead-lettered, and no other can follow."""
        return (
            self.ended and self.captured == self.delivered + self.dead_lettered and not self.running
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The report that `as_json` wrote."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def as_json(self) -> dict[str, Any]:
        """For the report blob, the log line and the orchestration's status."""
        names = (
            "window",
            "captured",
            "delivered",
            "dead_lettered",
            "redelivered",
            "aborted",
            "duplicates",
            "without_capture",
            "running",
            "not_requeued",
            "waiting",
            "ended",
        )
        return {name: getattr(self, name) for name in names} | {"complete": self.complete}


class Comparison:
    """Captured minus known. Feed it the window's blob names in their order, page by page.

    An exchange that started at `until` or later and of which the ledger knows nothing is left
    alone.
    """

    def __init__(self, window: str, known: LedgerIndex, until: datetime) -> None:
        self.report = Report(window=window)
        self._until = until
        self._known = known
        self._current: str | None = None
        self._answered = False

    def feed(self, names: Iterable[str]) -> Iterator[CapturedExchange]:
        """The exchanges to deliver, of those that `names` completes."""
        for name in names:
            exchange_id, kind = _parts(name)
            if exchange_id is None:
                continue
            if exchange_id != self._current:
                yield from self._close_current()
                self._current, self._answered = exchange_id, False
            self._answered = self._answered or kind == "response"

    def finish(self) -> Iterator[CapturedExchange]:
        """The last exchange, where it is to be delivered; the report is whole afterwards."""
        yield from self._close_current()
        self._current = None
        self.report.duplicates = self._known.duplicates
        self.report.without_capture = len(self._known.delivered) - self.report.delivered

    def _close_current(self) -> Iterator[CapturedExchange]:
        if self._current is None:
            return
        if self._current not in self._known and started_at(self._current) >= self._until:
            self.report.running += 1
            return
        self.report.captured += 1
        if self._current in self._known.delivered:
            self.report.delivered += 1
        elif self._current in self._known.dead_lettered:
            self.report.dead_lettered += 1
        else:
            yield CapturedExchange(exchange_id=self._current, answered=self._answered)


def captured_exchanges(names: Iterable[str]) -> Iterator[CapturedExchange]:
    """The exchanges of one page of names, whatever the ledger says of them. At a page's end an
    answer may still follow.
    """
    comparison = Comparison("", LedgerIndex(), _NEVER)
    yield from comparison.feed(names)
    yield from comparison.finish()


def _parts(name: str) -> tuple[str | None, str]:
    """`2026/11/23/14/<id>.request` -> (id, "request"); (None, "") for a blob that is no capture."""
    exchange_id, _, kind = name.rpartition("/")[2].rpartition(".")
    try:
        started_at(exchange_id)
    except ValueError:
        return None, ""
    return (exchange_id, kind) if kind in {"request", "response"} else (None, "")
