"""A capture: a header and raw bytes in one blob."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.capture import MAGIC, Capture, load, preamble, request_name, response_name
from shared.core.records.exchange_id import new_exchange_id
from shared.errors import CaptureError
from tests.unit.core.strategies import json_values

headers = st.dictionaries(st.text(), json_values, max_size=5)


@given(headers, st.binary(max_size=300))
def test_what_is_stored_is_loaded_again(header: dict[str, object], body: bytes) -> None:
    assert load(preamble(header) + body) == Capture(header=header, body=body)


@given(st.dictionaries(st.text(), st.text()), st.binary(max_size=50), st.data())
def test_a_capture_that_was_cut_within_its_header_is_refused(
    header: dict[str, object], body: bytes, data: st.DataObject
) -> None:
    whole = preamble(header)
    with pytest.raises(CaptureError):
        load(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert load(whole + body[:0]).body == b""


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        MAGIC,
        b"FNSSE\x02" + struct.pack(">I", 2) + b"{}",
        b"PK\x03\x04 something else entirely",
        MAGIC + struct.pack(">I", 3) + b"{}",
        MAGIC + struct.pack(">I", 2**32 - 1) + b"{}",
        MAGIC + struct.pack(">I", 2) + b"[]",
        MAGIC + struct.pack(">I", 2) + b"{]",
        MAGIC + struct.pack(">I", 2) + b"\xff\xff",
        MAGIC + struct.pack(">I", 0),
        MAGIC + struct.pack(">I", 100_000) + b"[" * 100_000,
    ],
)
def test_bytes_that_are_not_a_capture_are_rejected(blob: bytes) -> None:
    with pytest.raises(CaptureError):
        load(blob)


@given(st.binary(), st.binary())
def test_arbitrary_bytes_are_loaded_or_refused(header: bytes, rest: bytes) -> None:
    for blob in (rest, MAGIC + rest, MAGIC + struct.pack(">I", len(header)) + header + rest):
        with contextlib.suppress(CaptureError):
            assert isinstance(load(blob), Capture)


@given(st.integers(0, 253_402_300_799_999), st.binary(min_size=10, max_size=10))
def test_names_sort_by_time_below_their_hour(unix_ms: int, random_bytes: bytes) -> None:
    exchange_id = new_exchange_id(unix_ms, random_bytes)
    folder, _, file = request_name(exchange_id).rpartition("/")
    assert file == f"{exchange_id}.request"
    assert response_name(exchange_id) == f"{folder}/{exchange_id}.response"


def test_a_name_says_the_hour_in_which_the_exchange_started() -> None:
    exchange_id = new_exchange_id(1_795_443_600_123, bytes(10))
    assert request_name(exchange_id) == f"2026/11/23/14/{exchange_id}.request"
