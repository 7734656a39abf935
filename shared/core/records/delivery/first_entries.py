"""Finds the writer of the ledger's first entry of an exchange.

Delivery is at least once, so several workers may enter an exchange. The first entry decides at
which of them it counts.
"""

from __future__ import annotations

from collections.abc import Collection

from shared.core.records.delivery.ledger_entry import ID_LENGTH, Delivery, LedgerReader


class FirstEntries:
    """Finds the first deliveries of some exchanges among all entries of a window."""

    def __init__(self, exchange_ids: Collection[str]) -> None:
        self._ids = {exchange_id.encode() for exchange_id in exchange_ids}
        self._first: dict[str, tuple[int, str]] = {}

    def read(self, data: bytes, writer: str) -> None:
        """Take the whole lines of a ledger blob that `writer` wrote."""
        lines = [line for line in data.split(b"\n") if line[:ID_LENGTH] in self._ids]
        if not lines:
            return
        for entry in LedgerReader().feed(b"\n".join([*lines, b""])):
            if entry.delivery is Delivery.DELIVERED:
                entry_key = (entry.at_ms, writer)
                first = self._first.get(entry.exchange_id, entry_key)
                self._first[entry.exchange_id] = min(entry_key, first)

    def of_writer(self, writer: str) -> set[str]:
        """The exchanges whose first entry this writer wrote."""
        return {exchange_id for exchange_id, (_, first) in self._first.items() if first == writer}
