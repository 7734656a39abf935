"""The ledger: the exchanges that the Event Hub has accepted, and those that it never will.

There is one line for each delivery of an exchange, in append blobs of its window:

    <exchange id> dead_lettered <unix ms> <reason, one word>
    <exchange id> delivered <unix ms>[ <digests, one word>]

A version of the app that does not know digests takes them for a reason, and ignores it. Lines that
it wrote have none.

Each worker writes its own blobs, so no two workers write to the same one. A `LedgerIndex` is made
of the entries of all workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.core.records.delivery.id_sets import IdSet
from shared.core.records.exchange.digests import NO_DIGESTS, Digests
from shared.core.records.exchange.exchange_id import is_exchange_id

CONTAINER: Final = "ledger"
ID_LENGTH: Final = 36  # bytes at the beginning of a line: the exchange id


class Delivery(StrEnum):
    """The end of a delivery."""

    DELIVERED = "delivered"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """A line of the ledger: one delivery of an exchange."""

    exchange_id: str
    delivery: Delivery
    at_ms: int  # unix time
    detail: str = ""  # the last word: a dead letter's DeadLetterReason, or a delivery's digests

    @property
    def digests(self) -> Digests:
        """The digests of the event and of its captures."""
        return Digests.of_word(self.detail) if self.delivery is Delivery.DELIVERED else NO_DIGESTS

    def line(self) -> bytes:
        """The line, with its line feed."""
        words = [
            self.exchange_id,
            self.delivery,
            str(self.at_ms),
            *([self.detail] if self.detail else []),
        ]
        return " ".join(words).encode("ascii", "replace") + b"\n"


class LedgerReader:
    """Reads a ledger blob that comes in pieces, cut anywhere.

    A line that is not an entry is counted in `unreadable` and skipped: it costs a duplicate.
    """

    def __init__(self) -> None:
        self.unreadable = 0
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[LedgerEntry]:
        """The entries that `data` completes."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            entry = _entry(line)
            if entry is not None:
                yield entry
            else:
                self.unreadable += 1


def _entry(line: bytes) -> LedgerEntry | None:
    words = line.decode("ascii", "replace").split(" ")
    if len(words) not in {3, 4} or not words[2].isdecimal() or not is_exchange_id(words[0]):
        return None
    try:
        # int() raises ValueError for more than 4,300 digits, too
        return LedgerEntry(
            exchange_id=words[0],
            delivery=Delivery(words[1]),
            at_ms=int(words[2]),
            detail="".join(words[3:]),
        )
    except ValueError:
        return None


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
