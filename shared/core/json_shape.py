"""Reading JSON that may have any shape: what is not as expected reads as empty, and nothing here raises."""

from __future__ import annotations

import json
from typing import Any


def parse(data: str | bytes) -> Any:
    """The JSON value in `data`; None for what is not JSON, nested too deeply, or holds numbers that Python refuses."""
    try:
        # NaN and Infinity are no JSON, but Python's parser takes them and its writer would pass them on.
        return json.loads(data, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is an object, else {}."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """`value` where it is an array, else []."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[dict[str, Any]]:
    """The objects of an array."""
    return [item for item in items(value) if isinstance(item, dict)]


def text(value: object) -> str:
    """`value` where it is a string, else ""."""
    return value if isinstance(value, str) else ""


def short(value: object, limit: int = 256) -> str | None:
    """At most `limit` characters of a string; None for anything else and for ""."""
    return value[:limit] if isinstance(value, str) and value else None


def integer(value: object) -> int | None:
    """A whole number of a sane size, else None; true and false are none."""
    return value if type(value) is int and abs(value) < 2**53 else None


def scalar(value: object) -> str | int | float | bool | None:
    """A short string, a finite number or a truth value, else None."""
    if isinstance(value, str):
        return value[:256]
    if isinstance(value, bool) or value is None:
        return value
    return value if isinstance(value, int | float) and abs(value) < 2**53 else None


def utf8_size(value: str) -> int:
    """Bytes of a text in UTF-8; a lone surrogate counts as one."""
    return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
