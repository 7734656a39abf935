"""The exchange's id: a UUIDv7 (RFC 9562, 5.7)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.exchange.exchange_id import is_exchange_id, new_exchange_id, started_at

NOW_MS = 1_795_443_600_123  # 2026-11-23T14:20:00.123Z
times = st.integers(0, 253_402_300_799_999)  # to the end of the year 9999, where datetime ends
randomness = st.binary(min_size=10, max_size=10)


def test_an_id_is_as_in_the_example_of_rfc_9562_appendix_a6() -> None:
    given_random = bytes.fromhex("0cc3") + bytes.fromhex("18c4dc0c0c07398f")
    assert new_exchange_id(0x017F22E279B0, given_random) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(times, randomness)
def test_an_id_is_a_uuid_of_version_7_and_the_rfcs_variant(
    unix_ms: int, random_bytes: bytes
) -> None:
    value = uuid.UUID(new_exchange_id(unix_ms, random_bytes))
    assert value.version == 7
    assert value.variant == uuid.RFC_4122


@given(times, randomness)
def test_the_start_is_read_back_to_the_millisecond(unix_ms: int, random_bytes: bytes) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)
    assert is_exchange_id(new_exchange_id(unix_ms, random_bytes))
    assert started_at(new_exchange_id(unix_ms, random_bytes)) == expected


@given(times, times, randomness, randomness)
def test_ids_sort_as_text_by_time(one_ms: int, other_ms: int, one: bytes, other: bytes) -> None:
    if one_ms < other_ms:
        assert new_exchange_id(one_ms, one) < new_exchange_id(other_ms, other)


@given(randomness, randomness)
def test_other_randomness_gives_another_id(one: bytes, other: bytes) -> None:
    """74 of the 80 bits stay: all but the upper four of byte 0 and the upper two of byte 2."""
    kept = bytes([0x0F, 0xFF, 0x3F, *[0xFF] * 7])
    same = [a & mask for a, mask in zip(one, kept, strict=True)] == [
        b & mask for b, mask in zip(other, kept, strict=True)
    ]
    assert (new_exchange_id(NOW_MS, one) == new_exchange_id(NOW_MS, other)) is same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "d9428888-122b-11e1-b85c-61cd3cbb3210",  # version 1
        str(uuid.UUID(int=0)),
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",  # the form decides the capture's name
        "017f22e279b07cc398c4dc0c0c07398f",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "ffffffff-ffff-7cc3-98c4-dc0c0c07398f",  # the year 10889
    ],
)
def test_another_text_is_not_an_exchange_id(text: str) -> None:
    assert not is_exchange_id(text)
    with pytest.raises(ValueError):
        started_at(text)


@pytest.mark.parametrize("value", [None, 7, b"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", ["id"]])
def test_what_is_not_a_text_is_not_an_exchange_id(value: object) -> None:
    assert not is_exchange_id(value)
