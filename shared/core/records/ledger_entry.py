"""The ledger: which exchanges the Event Hub has accepted, and which can never be delivered.

One line per exchange and delivery in append blobs of the window in which the exchange started:

    <exchange id> <delivered | dead_lettered> <unix ms>[ <reason, one word>]

Each worker writes blobs of its own, so that no two ever write to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.core.records.exchange_id import started_at

CONTAINER: Final = "ledger"
# why an exchange is listed whose replay, not its delivery, was given up
REPLAY_FAILED: Final = "replay_failed"


class Delivery(StrEnum):
    """What became of an event."""

    DELIVERED = "delivered"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """One line."""

    exchange_id: str
    delivery: Delivery
    at_ms: int  # unix time
    reason: str = ""  # of a dead-lettered one: a word such as `corrupt_capture`

    def line(self) -> bytes:
        """The line, with its end."""
        words = [
            self.exchange_id,
            self.delivery,
            str(self.at_ms),
            *([self.reason] if self.reason else []),
        ]
        return " ".join(words).encode("ascii", "replace") + b"\n"


class LedgerReader:
    """Feed it a ledger blob in pieces, cut anywhere. What is not an entry is counted, not raised:
    it costs a duplicate.
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
    if len(words) not in {3, 4} or not words[2].isdecimal():
        return None
    try:
        started_at(words[0])
        # int() raises ValueError for more than 4,300 digits, too
        return LedgerEntry(
            exchange_id=words[0],
            delivery=Delivery(words[1]),
            at_ms=int(words[2]),
            reason="".join(words[3:]),
        )
    except ValueError:
        return None
