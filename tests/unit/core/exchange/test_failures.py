"""A failure's meaning for the client and for the record, and an upstream's error in one line."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.exchange.failures import one_line_error, translate
from shared.core.records.exchange.envelope import Failure
from shared.core.records.exchange.outcome import Outcome
from shared.errors import (
    BodyTooLarge,
    EnvelopeError,
    FnsseError,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamTimeout,
    UpstreamUnreachable,
)


@pytest.mark.parametrize(
    ("error", "status", "code", "outcome"),
    [
        (UpstreamUnreachable("m"), 502, "upstream_unreachable", Outcome.UPSTREAM_ERROR),
        (UpstreamTimeout("m"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (UpstreamInterrupted("m"), 502, "upstream_interrupted", Outcome.UPSTREAM_INTERRUPTED),
        (UpstreamError("m"), 502, "upstream_unreachable", Outcome.UPSTREAM_ERROR),
        (BodyTooLarge(1048576), 413, "body_too_large", Outcome.REJECTED),
        (RequestMemoryFull(), 503, "request_memory_full", Outcome.REJECTED),
        (RequestNotCaptured(), 503, "capture_unavailable", Outcome.REJECTED),
        (EnvelopeError("secret"), 500, "internal_error", Outcome.UPSTREAM_INTERRUPTED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, FnsseError) else "",
)
def test_each_failure_has_an_error_and_an_outcome(
    error: FnsseError, status: int, code: str, outcome: Outcome
) -> None:
    """Only the message of an upstream's failure reaches the client."""
    report = translate(error)
    assert (report.error.status, report.error.code, report.outcome) == (status, code, outcome)
    assert report.conclusion.failure == Failure(code=code, message=report.error.message)
    assert (report.error.message == "m") is isinstance(error, UpstreamError)
    assert "secret" not in report.error.message


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
