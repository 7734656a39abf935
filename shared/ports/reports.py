"""The reports of reconcile, one for each window. Each method raises StorageError."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from shared.core.records.completeness.report import Report


class WindowReports(Protocol):
    """Stores reports, and knows which windows need no other."""

    async def put_report(self, report: Report) -> None:
        """Store a window's report."""
        ...

    async def complete_windows(self, windows: Iterable[str]) -> set[str]:
        """The windows among these that a report calls complete."""
        ...


class ReportListing(Protocol):
    """Lists reports."""

    async def reports(self, hours: int) -> list[Report]:
        """The newest reports of the last hours, newest first."""
        ...
