"""Which writer's entry of an exchange is the ledger's first.

Delivery is at least once, so several workers may enter an exchange. The first entry decides at
which of them it counts.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from shared.core.records.delivery.ledger_entry import Delivery, LedgerReader

_ID_LENGTH: Final = 36


class FirstEntries:
    """Finds the first deliveries of some exchanges among all entries of a window."""

    def __init__(self, exchange_ids: Collection[str]) -> None:
        self._wanted = {exchange_id.encode() for exchange_id in exchange_ids}
        self._first: dict[str, tuple[int, str]] = {}

    def read(self, data: bytes, writer: str) -> None:
        """Take the whole lines of a ledger blob that `writer` wrote."""
        lines = [line for line in data.split(b"\n") if line[:_ID_LENGTH] in self._wanted]
        if not lines:
            return
        for entry in LedgerReader().feed(b"\n".join([*lines, b""])):
            if entry.delivery is Delivery.DELIVERED:
                mine = (entry.at_ms, writer)
                self._first[entry.exchange_id] = min(mine, self._first.get(entry.exchange_id, mine))

    def of_writer(self, writer: str) -> set[str]:
        """The exchanges whose first entry this writer wrote."""
        return {exchange_id for exchange_id, (_, first) in self._first.items() if first == writer}
