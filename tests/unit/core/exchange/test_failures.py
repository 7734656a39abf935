"""A failure's meaning for the client and for the record."""

from __future__ import annotations

import pytest

from shared.core.exchange.failures import translate
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
