"""Reading JSON of any shape. A value of an unexpected type reads as empty; nothing here raises."""

from __future__ import annotations

import json
import math
from typing import Final

# A value as `json` parses it. What an object holds has to be narrowed before it is used.
type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Json]

# The most levels of nested arrays and objects. Real bodies, which include JSON schemas of tools,
# stay below 30.
MAX_DEPTH: Final = 300
# The most `{`, `[` and `,`, those within texts included. Each stands for about 80 bytes of parsed
# values and their copies: 270 KB of gzip became 20 million objects and 3 GB (measured). The
# embeddings of 2048 texts, the most that one call takes, have 6.3 million numbers.
MAX_MARKS: Final = 8_000_000


# By default Python parses no longer integers, because the time grows with their square.
_MAX_DIGITS: Final = 4300


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _bounded_integer(text: str) -> int | None:
    return int(text) if len(text) < _MAX_DIGITS else None


_WHITE_SPACE: Final = " \t\n\r"  # JSON's, which is not Python's

# Shared: json.loads would make a decoder for each call that says how to read numbers.
_DECODER: Final = json.JSONDecoder(parse_constant=lambda _name: None, parse_float=_finite)
# Reads a text that holds a longer integer. Calling a Python function for every integer costs time.
_PATIENT_DECODER: Final = json.JSONDecoder(
    parse_constant=lambda _name: None, parse_float=_finite, parse_int=_bounded_integer
)


def parse(data: str | bytes) -> Json:
    """The JSON value in `data`; None if it is not JSON.

    The value can be written as JSON again: numbers that JSON does not know (NaN, 1e999) become
    null, and so do integers of thousands of digits. Input nested deeper than MAX_DEPTH, or with
    more than MAX_MARKS marks, is rejected, because it would exhaust the stack or the memory.
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
        value, end = _raw_decode(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None
    return None if end != len(text) or (len(data) > 2 * MAX_DEPTH and _too_deep(value)) else value


def _raw_decode(text: str) -> tuple[Json, int]:
    """Faster than decode(), which skips white space with two regular expressions."""
    try:
        return _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of too many digits
        return _PATIENT_DECODER.raw_decode(text)


def parse_object(data: str | bytes) -> JsonObject:
    """The JSON object in `data`; {} for anything else."""
    return mapping(parse(data))


def parse_container(written: str | None) -> Json:
    """The object or the array that a text holds as JSON; any other text as it is, "" for None."""
    value = parse(written or "")
    return value if isinstance(value, dict | list) else written or ""


def problem(data: str | bytes) -> str:
    """Why `parse` returned no object; it completes a sentence that begins with "the body "."""
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
    """The value if it is an object, else {}."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Json]:
    """The value if it is an array, else []."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[JsonObject]:
    """The items of an array that are objects."""
    return [item for item in items(value) if isinstance(item, dict)]


def text(value: object) -> str:
    """The value if it is a string, else ""."""
    return value if isinstance(value, str) else ""


def short(value: object, limit: int = 256) -> str | None:
    """The first `limit` characters of a string; None for "" and for anything else."""
    return value[:limit] if isinstance(value, str) and value else None


def integer(value: object) -> int | None:
    """The value if it is an integer below 2**53, else None. true and false are not integers; 5.0
    is one, because JSON has one type for numbers and some servers write all of them so.
    """
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) < 2**53 else None


def number(value: object) -> float | None:
    """The value if it is a number that a float can hold, else None. true and false are not
    numbers.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # JSON has integers of any length
        return None


def scalar(value: object) -> str | int | float | bool | None:
    """The value if it is a number below 2**53, a boolean, or a string (cut to 256 characters); else
    None.
    """
    if isinstance(value, str):
        return value[:256]
    if isinstance(value, bool) or value is None:
        return value
    return value if isinstance(value, int | float) and abs(value) < 2**53 else None


def utf8_size(value: str) -> int:
    """The bytes of a text in UTF-8. A lone surrogate counts as one."""
    return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
