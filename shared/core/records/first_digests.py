"""What the ledger says of the captures and the event of an exchange when it was first delivered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Final

from shared.core.records.digests import NO_DIGESTS, Digests
from shared.core.records.ledger_entry import Delivery, LedgerEntry, LedgerReader

_ID_LENGTH: Final = 36


class FirstDigests:
    """Finds the first digests of some exchanges among all entries of a window.

    Each digest is that of the earliest entry that has it. The event of a killed instance may be
    delivered before the response's capture is stored, so its entry lacks that digest.
    """

    def __init__(self, exchange_ids: Collection[str]) -> None:
        self._wanted = {exchange_id.encode() for exchange_id in exchange_ids}
        self._entries: dict[str, list[LedgerEntry]] = {}

    def read(self, data: bytes) -> None:
        """Take the whole lines of a ledger blob."""
        lines = [line for line in data.split(b"\n") if line[:_ID_LENGTH] in self._wanted]
        if not lines:
            return
        for entry in LedgerReader().feed(b"\n".join([*lines, b""])):
            if entry.delivery is Delivery.DELIVERED and entry.digests != NO_DIGESTS:
                self._entries.setdefault(entry.exchange_id, []).append(entry)

    def found(self) -> dict[str, Digests]:
        """By exchange: what is known. Exchanges of which nothing is known are left out."""
        return {exchange_id: _first(entries) for exchange_id, entries in self._entries.items()}


def _first(entries: list[LedgerEntry]) -> Digests:
    first = NO_DIGESTS
    for entry in sorted(entries, key=lambda entry: entry.at_ms):
        missing = [part.name for part in fields(first) if getattr(first, part.name) is None]
        first = replace(first, **{name: getattr(entry.digests, name) for name in missing})
    return first
