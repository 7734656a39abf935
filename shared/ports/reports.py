"""The reports of reconcile, one for each window. Each method raises StorageError."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from shared.core.records.completeness.report import Report


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
