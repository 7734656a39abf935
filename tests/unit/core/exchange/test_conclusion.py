"""The completeness of a response: whether it is all there, and how the exchange ended."""

from __future__ import annotations

import pytest

from shared.core import api_errors
from shared.core.exchange import failures
from shared.core.exchange.conclusion import COMPLETED, DISCONNECTED, ResponseCompleteness
from shared.core.exchange.failures import FailureReport
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.stream.tail import Tail
from shared.errors import BodyTooLarge, FnsseError, UpstreamTimeout, UpstreamUnreachable

CUT = Tail(finished=False, usage=None)
FINISHED = Tail(finished=True, usage=None)
FAILED = Tail(finished=True, usage=None, failed=True)
OPEN = Tail(finished=False, usage=None, open_end=True)
UNSURE = Tail(finished=False, usage=None, unsure=True)


# the tail, it is a stream, its end is known -> end received, cut short, the outcome if HTTP ends it
@pytest.mark.parametrize(
    ("tail", "is_stream", "end_is_known", "end_received", "cut_short", "outcome"),
    [
        (CUT, True, True, False, True, Outcome.UPSTREAM_INTERRUPTED),
        (CUT, True, False, False, False, Outcome.COMPLETED),
        (CUT, False, True, False, False, Outcome.COMPLETED),
        (FINISHED, True, True, True, False, Outcome.COMPLETED),
        (FINISHED, False, True, False, False, Outcome.COMPLETED),
        (FAILED, True, True, False, False, Outcome.UPSTREAM_ERROR),
        (OPEN, True, True, False, False, Outcome.COMPLETED),
        (UNSURE, True, True, False, False, Outcome.COMPLETED),
    ],
    ids=[
        "cut",
        "end unknown",
        "document",
        "end_received",
        "whole document",
        "failed",
        "open",
        "unsure",
    ],
)
def test_what_a_tail_says(
    tail: Tail,
    outcome: Outcome,
    *,
    is_stream: bool,
    end_is_known: bool,
    end_received: bool,
    cut_short: bool,
) -> None:
    """An end that is not known leaves HTTP's word."""
    completeness = ResponseCompleteness(tail=tail, is_stream=is_stream, end_is_known=end_is_known)
    assert (completeness.end_received, completeness.cut_short) == (end_received, cut_short)
    assert completeness.outcome(COMPLETED, upstream_status=200) is outcome


@pytest.mark.parametrize(
    ("tail", "outcome"),
    [(CUT, Outcome.CLIENT_DISCONNECTED), (FINISHED, Outcome.COMPLETED), (OPEN, Outcome.COMPLETED)],
    ids=["cut", "finished", "open"],
)
def test_disconnect_after_all_of_a_stream(tail: Tail, outcome: Outcome) -> None:
    """Many close right after [DONE]."""
    completeness = ResponseCompleteness(tail=tail, is_stream=True, end_is_known=True)
    assert completeness.outcome(DISCONNECTED, upstream_status=200) is outcome


@pytest.mark.parametrize("tail", [CUT, FINISHED, FAILED], ids=["cut", "finished", "failed"])
@pytest.mark.parametrize(
    "report",
    [
        failures.rejection(api_errors.capture_unavailable()),
        failures.internal_error(),
        failures.unusable_response("a stream"),
    ],
    ids=["rejected", "internal error", "unusable"],
)
def test_a_final_conclusion_stands(report: FailureReport, tail: Tail) -> None:
    """The client did not get the response, whatever its end says."""
    completeness = ResponseCompleteness(tail=tail, is_stream=True, end_is_known=True)
    outcome = completeness.outcome(report.conclusion, upstream_status=200)
    assert outcome is report.conclusion.outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UpstreamUnreachable("m"), Outcome.UPSTREAM_ERROR),
        (UpstreamTimeout("m"), Outcome.TIMED_OUT),
        (BodyTooLarge(1), Outcome.REJECTED),
        (None, Outcome.CLIENT_DISCONNECTED),
    ],
    ids=["unreachable", "timed out", "rejected", "disconnected"],
)
def test_without_a_response_the_conclusion_stands(
    error: FnsseError | None, outcome: Outcome
) -> None:
    """There is no end that could say otherwise."""
    conclusion = DISCONNECTED if error is None else failures.translate(error).conclusion
    completeness = ResponseCompleteness(tail=CUT, is_stream=False, end_is_known=True)
    assert completeness.outcome(conclusion, upstream_status=None) is outcome
