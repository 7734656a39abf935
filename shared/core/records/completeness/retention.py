"""The retention of captures that a content rule erases before CAPTURE_RETENTION_DAYS.

A mark in storage, `retention/2026/11/30/15/2026-11-27-14`, names the hour in which captures of a
window become due. The headers of the captures say which of them are. So an hour without such
exchanges costs nothing, and an hour with them costs a mark for each retention.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.core.records.exchange.window import Window

PREFIX: Final = "retention/"


def due_at(window: Window, days: int) -> datetime:
    """The moment at which all exchanges of a window are older than so many days."""
    return window.end + timedelta(days=days)


def retention_mark_name(window: Window, days: int) -> str:
    """`retention/2026/11/30/15/2026-11-27-14`: marks sort by when they are due."""
    due = Window(due_at(window, days))  # a full hour, as a window's start is
    return f"{PREFIX}{due.name}/{window.name.replace('/', '-')}"


def due_window(name: str, now: datetime) -> Window | None:
    """The window of a mark that is due by now; None if it is not due, or not a mark."""
    due, _, window = name.removeprefix(PREFIX).rpartition("/")
    try:
        return (
            Window.from_name(window.replace("-", "/"))
            if Window.from_name(due).start <= now
            else None
        )
    except ValueError:
        return None
