"""When the captures of an exchange are erased, if a content rule says so earlier than
CAPTURE_RETENTION_DAYS.

A mark in storage, `retention/2026/11/30/15/2026-11-27-14`, says when a window holds captures that
are due. Which of them that are, their own headers say. So an hour without such exchanges costs
nothing, and one with them costs a mark for each retention.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.core.records.exchange.window import Window

PREFIX: Final = "retention/"


def due_at(window: Window, days: int) -> datetime:
    """When all exchanges of a window are older than so many days."""
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
