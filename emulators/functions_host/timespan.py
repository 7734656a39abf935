"""The .NET TimeSpan format of durations in host.json and timer schedules.

Source: https://learn.microsoft.com/dotnet/api/system.timespan.parse ([-][d.]hh:mm[:ss[.fffffff]],
or whole days).
"""

from __future__ import annotations

import re
from typing import Final

_DAYS: Final = re.compile(r"\s*(-?)(\d+)\s*")
_CLOCK: Final = re.compile(r"\s*(-?)(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(\.\d{1,7})?)?\s*")


def parse_time_span_s(text: str) -> float:
    """Parse a TimeSpan into seconds. Raises ValueError if .NET would not parse it."""
    if days := _DAYS.fullmatch(text):
        return _apply_sign(days[1], int(days[2]) * 86_400)
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise ValueError(f"{text!r} is not a duration such as 00:00:30 or 1.00:00:00")
    hours, minutes, seconds = int(clock[3]), int(clock[4]), int(clock[5] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"{text!r} is not a duration: hours go to 23, minutes and seconds to 59")
    total = (
        int(clock[2] or 0) * 86_400 + hours * 3_600 + minutes * 60 + seconds + float(clock[6] or 0)
    )
    return _apply_sign(clock[1], total)


def _apply_sign(sign: str, seconds: float) -> float:
    return -seconds if sign else seconds


def format_time_span(seconds: float) -> str:
    """Whole seconds as hh:mm:ss, after the days, if any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days}." if days else "") + f"{hour:02d}:{minute:02d}:{second:02d}"
