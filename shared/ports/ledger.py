"""The ledger and the records beside it, by window: deliveries, marks of erased exchanges and the
reports of reconcile.

A window is an hour, named `2026/11/27/20`. Each asynchronous method but
`DeliverySink.append_deliveries` raises StorageError.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from shared.core.records.completeness.report import Report
from shared.core.records.delivery.ledger_entries import LedgerIndex
from shared.core.records.exchange.digests import AcceptedEvent, Digests


class DeliverySink(Protocol):
    """Takes deliveries."""

    async def append_deliveries(self, events: Sequence[AcceptedEvent]) -> None:
        """Note that the Event Hub accepted these events. Does not raise."""
        ...


class FirstDeliveries(Protocol):
    """Knows the first delivery of each exchange."""

    def lacks_entry(self, exchange_id: str) -> bool:
        """Whether the ledger did not take this worker's entry of the exchange. Only the latest such
        exchanges are known.
        """
        ...

    async def first_deliveries(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        """The exchanges whose first entry is this worker's."""
        ...


class DeliveryDigests(Protocol):
    """Knows of which captures the first events were made."""

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """By exchange, of one or more: the digests of the captures that its first event was made
        of, as far as they are known. Entries of the last 30 seconds may be missing.
        """
        ...


class WindowLedger(Protocol):
    """Reads the ledger of a window."""

    async def index(self, window: str) -> LedgerIndex:
        """The exchanges of a window that the ledger knows: delivered, dead-lettered, reopened or
        erased.
        """
        ...


class ErasedExchanges(Protocol):
    """Knows which exchanges are erased."""

    async def is_erased(self, exchange_id: str) -> bool:
        """Whether the exchange is marked: an operator erased it, or its erasure is under way."""
        ...


class ErasureMarkStore(Protocol):
    """Stores, removes and lists marks."""

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        """Mark an exchange as erased by a run; None: by a call of its own. A marked exchange is
        neither missing nor delivered any more.
        """
        ...

    async def unmark_erased(self, exchange_id: str) -> None:
        """Remove the mark of an exchange that could not be erased."""
        ...

    async def erased_ids(self, window: str) -> set[str]:
        """The marked exchanges of a window."""
        ...


class WindowReports(Protocol):
    """Stores reports, and knows which windows need no other."""

    async def put_report(self, report: Report) -> None:
        """Store a window's report in place of an earlier one."""
        ...

    async def complete_windows(self, windows: Iterable[str]) -> set[str]:
        """The windows among these that a report calls complete."""
        ...


class ReportListing(Protocol):
    """Lists reports."""

    async def reports(self, hours: int) -> list[Report]:
        """The reports of the last `hours` hours, newest first; an hour without one is left out."""
        ...
