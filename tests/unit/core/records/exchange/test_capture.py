"""A capture: a header and raw bytes in one blob."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sample_envelope import EXCHANGE_ID, sample_envelope
from shared.core.records.exchange.aborted import aborted_envelope
from shared.core.records.exchange.capture import (
    MAGIC,
    Capture,
    load,
    load_header,
    of_response,
    preamble,
    request_name,
    response_name,
    retention_days,
    without_body,
)
from shared.core.records.exchange.envelope import Caller, from_fields, to_fields
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.errors import CaptureError
from tests.unit.core.strategies import json_values

headers = st.dictionaries(st.text(), json_values, max_size=5)


@given(headers, st.binary(max_size=300))
def test_what_is_stored_is_loaded_again(header: dict[str, object], body: bytes) -> None:
    assert load(preamble(header) + body) == Capture(header=header, body=body)


@given(st.dictionaries(st.text(), st.text()), st.binary(max_size=50), st.data())
def test_a_capture_that_was_cut_within_its_header_is_rejected(
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
def test_arbitrary_bytes_are_loaded_or_rejected(header: bytes, rest: bytes) -> None:
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


MAIL = "anna@example.com"


def test_what_a_caller_wrote_goes_with_the_body_of_a_request() -> None:
    """The members by which the exchange is found again stay: its caller, its times, its mode and
    its retention.
    """
    kept = {
        "exchange_id": EXCHANGE_ID,
        "started_at": "2026-11-27T12:00:00.000000+00:00",
        "operation": "chat.completions",
        "deployment": "gpt-4o",
        "content_mode": "redacted",
        "caller": {"user": "u-1"},
        "retention_days": 7,
    }
    written = {
        "path": f"/openai/{MAIL}",
        "api_version": MAIL,
        "headers": {"user-agent": MAIL},
        "copied_headers": {"x-owner": MAIL},
    }
    header = load_header(without_body(kept | written))
    assert header == kept | {"path": None, "api_version": None, "erased": True}
    envelope = aborted_envelope(str(kept["exchange_id"]), header)
    assert (envelope.caller, envelope.retention_days) == (Caller(user="u-1"), 7)


def test_what_a_caller_wrote_goes_with_the_body_of_a_response() -> None:
    """The envelope in it can be read all the same."""
    envelope = sample_envelope(
        path=f"/openai/{MAIL}", api_version=MAIL, trace_parent=MAIL, trace_state=MAIL,
        retention_days=7,
    )  # fmt: skip
    stored = of_response(200, {"x-ms-client-request-id": MAIL}, to_fields(envelope), {})
    erased = without_body(load(stored).header)
    header = load_header(erased)
    assert MAIL.encode() not in erased
    assert retention_days(header) == 7
    assert from_fields(header["envelope"]) == replace(
        envelope, path=None, api_version=None, trace_parent=None, trace_state=None
    )
