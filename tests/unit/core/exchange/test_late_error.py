"""An error in one line, and as an event in the shape that a stream's readers raise."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.exchange.late_error import error_frame, one_line_error
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.stream.sse import decode

ERROR: JsonObject = {"code": "429", "message": "slow\ndown", "type": "t"}


def test_the_frame_of_a_stream_of_chunks() -> None:
    """The document is the event's data."""
    document = json.dumps({"error": ERROR}).encode()
    (event,) = decode(error_frame(document, sequence_number=None))
    assert (event.event, json.loads(event.data)) == ("message", {"error": ERROR})


@pytest.mark.parametrize(
    ("error", "code", "message"), [(ERROR, "429", "slow\ndown"), ("late", None, "late")]
)
def test_the_frame_of_a_stream_of_typed_events(
    error: object, code: str | None, message: str
) -> None:
    """It has their members beside `error`: some readers look for `type`, others for `error`."""
    document = json.dumps({"error": error}).encode()
    (event,) = decode(error_frame(document, sequence_number=7))
    assert event.event == "error"
    assert json.loads(event.data) == {
        "type": "error",
        "sequence_number": 7,
        "code": code,
        "message": message,
        "param": None,
        "error": error,
    }


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "429", "message": "Slow\ndown \u2028\u00e9"}},
        {"error": "no"},
        {"error": {"message": "m"}, "more": [1]},
    ],
    ids=str,
)
def test_an_error_body_becomes_one_line(error: object) -> None:
    """The line holds the upstream's message with its white space collapsed."""
    for indent in (None, 2):
        line = one_line_error(json.dumps(error, indent=indent, ensure_ascii=False).encode())
        assert json.loads(line) == error
        assert b"\n" not in line


@given(st.binary(max_size=3000))
def test_any_error_body_becomes_an_error_of_one_line(body: bytes) -> None:
    """HTML, an empty body and bytes that are not text all become an error that an SDK raises."""
    line = one_line_error(body)
    assert json.loads(line)["error"] is not None
    assert b"\n" not in line
    assert b"\r" not in line


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad gateway</html>",
        b'{"detail":"no access"}',
        b"",
        b'{"error":null}',
        b'{"error":{}}',
        b"[1]",
    ],
)
def test_another_body_is_quoted(body: bytes) -> None:
    """Gateways have shapes of their own."""
    error = json.loads(one_line_error(body))["error"]
    assert (error["code"], error["message"]) == ("upstream_error", body.decode())


def test_a_flat_error_becomes_the_error() -> None:
    """API Management writes such errors of its own, also in gzip."""
    body = b'{"statusCode":429,"message":"slow down"}'
    expected = {"error": {"statusCode": 429, "message": "slow down", "code": "429"}}
    assert json.loads(one_line_error(body)) == expected
    assert json.loads(one_line_error(gzip.compress(body), "gzip")) == expected


def test_an_error_in_an_event() -> None:
    """Some servers answer a request for a stream with one event and the status of an error."""
    error = {"error": {"code": "429", "message": "slow down"}}
    data = json.dumps(error).encode()
    for body in (b"event: error\ndata: " + data + b"\n\n", b"\xef\xbb\xbfdata:" + data):
        assert json.loads(one_line_error(body)) == error


def test_a_coded_error_is_decoded_within_bounds() -> None:
    """A body that cannot be decoded to its end is quoted up to there."""
    for body in (gzip.compress(b"x" * 50_000_000), b"\x1f\x8b damaged"):
        assert len(one_line_error(body, "gzip")) < 10_000
