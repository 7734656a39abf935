"""The arrival times of the pieces of a response.

An envelope holds the first few, because a queue message is small. If there are more, the header of
the response capture holds the first MAX_PIECES, 8 bytes of each, as base64. The sizes of pieces say
much about the text in them, so they are stored where the body is, and erased with it.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from shared.core.wire.json.json_shape import JsonObject, mapping, text

MAX_PIECES: Final = 4096
KEY: Final = "pieces"  # the member of a response capture's header
_BYTES: Final = 4  # bytes of a size, and of a time

# bytes received so far, ms since the start
type Arrival = tuple[int, float]


@dataclass(kw_only=True, slots=True)
class PieceTimes:
    """The first pieces. Each piece is appended to both arrays, up to MAX_PIECES."""

    sizes: array[int] = field(default_factory=lambda: array("I"))
    times_ms: array[float] = field(default_factory=lambda: array("d"))

    def first(self, count: int) -> tuple[Arrival, ...]:
        """The arrivals of the first pieces."""
        return tuple(zip(accumulate(self.sizes[:count]), self.times_ms[:count], strict=True))

    def to_json(self) -> JsonObject:
        """The pieces as a member of a header; times are 32-bit floats, exact to 0.1 ms for half an
        hour.
        """
        return {"bytes": _pack(self.sizes), "ms": _pack(array("f", self.times_ms))}


def read(header: Mapping[str, object]) -> tuple[Arrival, ...]:
    """The arrivals that a response capture's header holds itself; () if it has none."""
    pieces = mapping(header.get(KEY))
    sizes = _unpack(array("I"), text(pieces.get("bytes")))
    times = _unpack(array("f"), text(pieces.get("ms")))
    return tuple(_arrivals(sizes, times))


def _arrivals(sizes: array[int], times: array[float]) -> Iterator[Arrival]:
    for received, at_ms in zip(accumulate(sizes), times, strict=False):
        if not math.isfinite(at_ms):
            return
        yield received, at_ms


def _pack[N: (int, float)](values: array[N]) -> str:
    return base64.b64encode(_little_endian(values).tobytes()).decode()


def _unpack[N: (int, float)](values: array[N], packed: str) -> array[N]:
    """Unpack into `values`, which are empty; they stay empty if `packed` is malformed."""
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return values
    values.frombytes(data[: len(data) // _BYTES * _BYTES])
    return _little_endian(values)


def _little_endian[N: (int, float)](values: array[N]) -> array[N]:
    """The values in the order of bytes in which they are stored, and back."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values
