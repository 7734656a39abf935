"""The ledger of deliveries: which exchanges the Event Hub has accepted, by window.

A window is an hour, named `2026/11/27/20`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from shared.core.records.delivery.ledger_index import LedgerIndex
from shared.core.records.exchange.digests import AcceptedEvent, Digests


class DeliverySink(Protocol):
    """Takes deliveries."""

    async def delivered(self, events: Sequence[AcceptedEvent]) -> None:
        """Note that the Event Hub accepted these events. Does not raise."""
        ...


class FirstDeliveries(Protocol):
    """Knows the first delivery of each exchange."""

    def lacks_entry(self, exchange_id: str) -> bool:
        """Whether the ledger did not take this worker's entry of the exchange. The last 10,000 such
        exchanges are known.
        """
        ...

    async def first_deliveries(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        """The exchanges whose first entry is this worker's. Raises StorageError."""
        ...


class DeliveryDigests(Protocol):
    """Knows of which captures the first events were made."""

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """By exchange, of one or more: the digests of the captures that its first event was made
        of, as far as they are known. Entries of the last 30 seconds may be missing. Raises
        StorageError.
        """
        ...


class WindowLedger(Protocol):
    """Reads the ledger of a window."""

    async def index(self, window: str) -> LedgerIndex:
        """The exchanges of a window that the ledger knows: delivered, dead-lettered, reopened or
        erased. Raises StorageError.
        """
        ...
