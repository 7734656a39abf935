"""The windows in which reconcile looks for missing exchanges."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core.records.exchange.window import Window, windows_between


def judged_windows(until: datetime, look_back: timedelta, *, include_open: bool) -> list[Window]:
    """The windows of the look-back, oldest first: those that ended by `until`, or with
    `include_open` all that began by then.

    `until` is the present less the longest time that an exchange can take: no exchange that
    started before it is still running.
    """
    windows = windows_between(until - look_back, until)
    return [window for window in windows if include_open or window.end <= until]
