"""Finds the ledger's first entries of exchanges: who wrote them, and the digests that they hold.

Delivery is at least once, so several workers may enter an exchange. The first entry decides at
which of them it counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from typing import Final

from shared.core.records.delivery.ledger_entries import (
    ID_LENGTH,
    Delivery,
    LedgerEntry,
    LedgerReader,
)
from shared.core.records.exchange.digests import NO_DIGESTS, Digests


class FirstWriters:
    """Finds the writers of the first deliveries of some exchanges among all entries of a window."""

    def __init__(self, exchange_ids: Collection[str]) -> None:
        self._ids = {exchange_id.encode() for exchange_id in exchange_ids}
        self._first: dict[str, tuple[int, str]] = {}

    def read(self, data: bytes, writer: str) -> None:
        """Take the whole lines of a ledger blob that `writer` wrote."""
        lines = [line for line in data.split(b"\n") if line[:ID_LENGTH] in self._ids]
        for entry in _entries(lines):
            if entry.delivery is Delivery.DELIVERED:
                entry_key = (entry.at_ms, writer)
                first = self._first.get(entry.exchange_id, entry_key)
                self._first[entry.exchange_id] = min(entry_key, first)

    def of_writer(self, writer: str) -> set[str]:
        """The exchanges whose first entry this writer wrote."""
        return {exchange_id for exchange_id, (_, first) in self._first.items() if first == writer}


# With 280 exchanges a second, a minute has 17,000 exchanges: 8 MB in memory.
RANGE_S: Final = 60


class FirstDigests:
    """Finds the first digests of some exchanges among all entries of a window.

    It also finds those of the exchanges that began within RANGE_S after the earliest given one,
    because a replay asks for them next. Each digest is that of the earliest entry that has it. The
    event of a killed instance may be delivered before the response's capture is stored; its entry
    lacks that digest then.
    """

    def __init__(self, exchange_ids: Collection[str]) -> None:
        self._ids = {exchange_id.encode() for exchange_id in exchange_ids}
        self.range_start = min(exchange_ids)
        self.range_end = _id_after(self.range_start)
        self._range = self.range_start.encode(), self.range_end.encode()
        self._entries: dict[str, list[LedgerEntry]] = {}

    def read(self, data: bytes) -> None:
        """Take the whole lines of a ledger blob."""
        start, end = self._range
        lines = [
            line
            for line in data.split(b"\n")
            if start <= line < end or line[:ID_LENGTH] in self._ids
        ]
        for entry in _entries(lines):
            if entry.digests != NO_DIGESTS:
                self._entries.setdefault(entry.exchange_id, []).append(entry)

    def covers(self, exchange_ids: Collection[str]) -> bool:
        """Whether all of these began within the range."""
        return all(self.range_start <= exchange_id < self.range_end for exchange_id in exchange_ids)

    def of(self, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """The known digests by exchange, without exchanges that have none."""
        return {
            exchange_id: _first(self._entries[exchange_id])
            for exchange_id in exchange_ids
            if exchange_id in self._entries
        }


def _entries(lines: list[bytes]) -> Iterator[LedgerEntry]:
    """The entries of these lines, without those that cannot be read."""
    return LedgerReader().feed(b"\n".join([*lines, b""]))


def _id_after(exchange_id: str) -> str:
    """The beginning of the ids of RANGE_S later: they begin with the time, in milliseconds."""
    text = f"{(uuid.UUID(exchange_id).int >> 80) + RANGE_S * 1000:012x}"
    return f"{text[:8]}-{text[8:]}"


def _first(entries: list[LedgerEntry]) -> Digests:
    first = NO_DIGESTS
    for entry in sorted(entries, key=lambda entry: entry.at_ms):
        digests = entry.digests
        first = Digests(
            request=first.request or digests.request,
            response=first.response or digests.response,
            event=first.event or digests.event,
        )
    return first
