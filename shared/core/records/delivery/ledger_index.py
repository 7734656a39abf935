"""The ledger of one window, as an index of exchange ids."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.core.records.delivery.id_set import IdSet
from shared.core.records.delivery.ledger_entry import Delivery, LedgerEntry


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
