"""The id of an exchange, which is one request and its response."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final, TypeGuard

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def new_exchange_id(unix_ms: int, random_bytes: bytes) -> str:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds since the epoch, then 74 random bits, so
    ids sort by time.

    `random_bytes` holds ten bytes; version and variant replace six of their bits.
    """
    rand_a = int.from_bytes(random_bytes[:2]) & 0x0FFF
    rand_b = int.from_bytes(random_bytes[2:10]) & 0x3FFF_FFFF_FFFF_FFFF
    return str(
        uuid.UUID(
            int=(unix_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
        )
    )


def is_exchange_id(value: object) -> TypeGuard[str]:
    """Whether a value is the text of a UUIDv7, as `new_exchange_id` writes it."""
    if not isinstance(value, str):
        return False
    try:
        started_at(value)
    except ValueError:
        return False
    return True


def started_at(exchange_id: str) -> datetime:
    """The start that the id holds, UTC, to the millisecond. Raises ValueError if it is not a
    UUIDv7.
    """
    value = uuid.UUID(exchange_id)
    if value.version != 7 or str(value) != exchange_id:
        raise ValueError("not an exchange id: a lower-case UUIDv7 is expected")
    try:
        return _EPOCH + timedelta(milliseconds=value.int >> 80)
    except OverflowError:
        raise ValueError("not an exchange id: its time lies after the year 9999") from None
