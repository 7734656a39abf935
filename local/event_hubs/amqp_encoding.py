"""The few AMQP 1.0 encodings that the emulator reads and writes as bytes, without decoding whole
messages.

Source: AMQP 1.0 part 1 (types),
https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple


class MalformedEncodingError(ValueError):
    """The bytes are not a complete AMQP 1.0 encoding."""


class Section(NamedTuple):
    """One section of an encoded message: data[start:end], its value from value_at."""

    code: int
    start: int
    value_at: int
    end: int


# Part 1, section 1.3: the constructor's high nibble gives the width of the value, or of its size.
_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_SIZE_IN_ONE_BYTE = {0xA, 0xC, 0xE}
_SIZE_IN_FOUR_BYTES = {0xB, 0xD, 0xF}

_DESCRIBED = 0x00
_SMALL_ULONG = 0x53
_ULONG = 0x80


def end_of_value(data: bytes, at: int) -> int:
    """The position after the value whose constructor is at `at`. Raises MalformedEncodingError."""
    try:
        end = _end_of_value(data, at)
    except (IndexError, struct.error, RecursionError) as error:
        raise MalformedEncodingError(f"an AMQP value is cut off at byte {len(data)}") from error
    if end > len(data):
        raise MalformedEncodingError(f"an AMQP value ends at byte {end} of {len(data)}")
    return end


def _end_of_value(data: bytes, at: int) -> int:
    constructor = data[at]
    width = constructor >> 4
    if width in _FIXED_WIDTHS:
        return at + 1 + _FIXED_WIDTHS[width]
    if width in _SIZE_IN_ONE_BYTE:
        return at + 2 + data[at + 1]
    if width in _SIZE_IN_FOUR_BYTES:
        return at + 5 + int(struct.unpack_from(">I", data, at + 1)[0])
    if constructor == _DESCRIBED:
        return _end_of_value(data, _end_of_value(data, at + 1))
    raise MalformedEncodingError(f"0x{constructor:02x} at byte {at} is no AMQP constructor")


def descriptor(data: bytes, at: int) -> tuple[int, int]:
    """(code, position of the value) of the described value at `at`; numeric descriptors only."""
    try:
        if data[at] == _DESCRIBED and data[at + 1] == _SMALL_ULONG:
            return data[at + 2], at + 3
        if data[at] == _DESCRIBED and data[at + 1] == _ULONG:
            return int(struct.unpack_from(">Q", data, at + 2)[0]), at + 10
    except (IndexError, struct.error) as error:
        raise MalformedEncodingError(f"a descriptor is cut off at byte {len(data)}") from error
    raise MalformedEncodingError(f"no numeric descriptor at byte {at}")


def sections(data: bytes) -> Iterator[Section]:
    """The sections of an encoded message, in order. Raises MalformedEncodingError."""
    at = 0
    while at < len(data):
        code, value_at = descriptor(data, at)
        end = end_of_value(data, value_at)
        yield Section(code, at, value_at, end)
        at = end


def variable_bytes(data: bytes, at: int) -> bytes:
    """The content of the binary, string or symbol at `at`; the value must lie within data."""
    end = end_of_value(data, at)
    width = data[at] >> 4
    if width == 0xA:
        return data[at + 2 : end]
    if width == 0xB:
        return data[at + 5 : end]
    raise MalformedEncodingError(f"0x{data[at]:02x} at byte {at} is not a binary, string or symbol")


def map_items(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(start of key, start of value, end of value) for each pair of the map at `at`; null is an
    empty map.
    """
    end = end_of_value(data, at)
    if data[at] == 0x40:
        return
    if data[at] not in (0xC1, 0xD1):
        raise MalformedEncodingError(f"0x{data[at]:02x} at byte {at} is not a map")
    position = at + 3 if data[at] == 0xC1 else at + 9
    while position < end:
        value_at = end_of_value(data, position)
        next_position = end_of_value(data, value_at)
        yield position, value_at, next_position
        position = next_position


def symbol(name: str) -> bytes:
    """A symbol of at most 255 ASCII characters."""
    encoded = name.encode("ascii")
    return struct.pack(">BB", 0xA3, len(encoded)) + encoded


def string(text: str) -> bytes:
    """A string of any length."""
    encoded = text.encode()
    return struct.pack(">BI", 0xB1, len(encoded)) + encoded


def long(value: int) -> bytes:
    """A signed 64-bit integer."""
    return struct.pack(">Bq", 0x81, value)


def timestamp(milliseconds: int) -> bytes:
    """A point in time, in milliseconds since 1970 UTC."""
    return struct.pack(">Bq", 0x83, milliseconds)


def map_section(code: int, encoded_items: bytes, item_count: int) -> bytes:
    """A message section that is a map of `item_count` keys and values together (twice the
    pairs).
    """
    head = struct.pack(
        ">BBBBII", _DESCRIBED, _SMALL_ULONG, code, 0xD1, len(encoded_items) + 4, item_count
    )
    return head + encoded_items
