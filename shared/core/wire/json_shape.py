"""Reading JSON that may have any shape: what is not as expected reads as empty, and nothing here
raises.
"""

from __future__ import annotations

import json
import math
from typing import Final

# A value as `json` parses it. What an object holds has to be narrowed before it is used.
type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Json]

# of nested arrays and objects; real bodies stay below 30, JSON schemas of tools included
MAX_DEPTH: Final = 300
# Of `{`, `[` and `,`, in texts too. A mark stands for some 80 bytes of parsed values and their
# copies: 270 KB of gzip became 20 million objects and 3 GB (measured). Embeddings of 2048 texts, as
# many as one call may bring, have 6.3 million numbers.
MAX_MARKS: Final = 8_000_000


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_WHITE_SPACE: Final = " \t\n\r"  # JSON's, which is not Python's

# One decoder for all: json.loads would make one for each call that says how to read numbers.
_DECODER: Final = json.JSONDecoder(parse_constant=lambda _name: None, parse_float=_finite)


def parse(data: str | bytes) -> Json:
    """The JSON value in `data`; None for what is not JSON.

    What is returned can be written again: numbers that JSON does not know (NaN, 1e999) are null,
    and what is nested so deep that code which recurses would fail on it counts as wrong, as does
    what holds more values than memory has room for.
    """
    if _has_too_many(data):
        return None
    try:
        text = (
            data
            if isinstance(data, str)
            else data.decode(json.detect_encoding(data), "surrogatepass")
        )
        text = text.strip(_WHITE_SPACE)
        # decode() would look for white space with two regular expressions
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None
    return None if end != len(text) or (len(data) > 2 * MAX_DEPTH and _too_deep(value)) else value


def parse_object(data: str | bytes) -> JsonObject:
    """The JSON object in `data`; {} for anything else, however wrong."""
    return mapping(parse(data))


def problem(data: str | bytes) -> str:
    """Why `parse` gave no object: "the body " and this is a sentence."""
    return f"has more than {MAX_MARKS} values" if _has_too_many(data) else "is not a JSON object"


def _has_too_many(data: str | bytes) -> bool:
    if len(data) <= MAX_MARKS:
        return False
    marks = map(data.count, "{[,") if isinstance(data, str) else map(data.count, (b"{", b"[", b","))
    return sum(marks) > MAX_MARKS


def _too_deep(value: Json) -> bool:
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH):
        inner = (
            item.values() if isinstance(item, dict) else item
            for item in level
            if isinstance(item, (dict, list))
        )
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]
        if not level:
            return False
    return True


def mapping(value: object) -> JsonObject:
    """`value` where it is an object, else {}."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Json]:
    """`value` where it is an array, else []."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[JsonObject]:
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
