"""Values of the filter line by the kind of their key. Each function raises ValueError with a
sentence that says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from view.filters.keys import ValueKind

_NUMBER: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)([A-Za-z]*)", re.ASCII)
_COUNT_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_MS_OF: Final = {"": 1, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FLAGS: Final = {"yes": True, "true": True, "no": False, "false": False}


def count(value: str) -> float:
    """`1000`, `1k`, `0.002`, `2M`."""
    return _quantity(value, _COUNT_UNITS, "a number is expected, such as 1000 or 1k")


def duration_ms(value: str) -> float:
    """`800`, `800ms`, `2s`, `1.5m`: milliseconds."""
    return _quantity(value, _MS_OF, "a duration is expected, such as 800ms or 2s")


def time_ms(value: str, now_ms: int) -> float:
    """`2026-11-27T10:00` (UTC unless it has an offset) or `-15m` before now: Unix milliseconds."""
    expected = "a time is expected, such as 2026-11-27T10:00Z or -15m"
    if value.startswith("-"):
        return now_ms - _quantity(value[1:], _MS_OF, expected)
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise ValueError(expected) from None


def flag(value: str) -> bool:
    """`yes`, `no`, `true`, `false`."""
    is_set = _FLAGS.get(value.lower())
    if is_set is None:
        raise ValueError("yes or no is expected")
    return is_set


def number(kind: ValueKind, value: str, now_ms: int) -> float:
    """A value that can be more or less than another."""
    if kind is ValueKind.TIME:
        return time_ms(value, now_ms)
    read: Mapping[ValueKind, Callable[[str], float]] = {
        ValueKind.COUNT: count,
        ValueKind.DURATION: duration_ms,
    }
    if kind not in read:
        raise ValueError("only numbers, durations and times are more or less than others")
    return read[kind](value)


def _quantity(value: str, units: Mapping[str, int], expected: str) -> float:
    match = _NUMBER.fullmatch(value)
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(expected)
    return float(match[1]) * unit
