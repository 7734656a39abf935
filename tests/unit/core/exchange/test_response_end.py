"""What the end of a response says: whether it is all there, and how the exchange ended."""

from __future__ import annotations

import pytest

from shared.core.exchange.response_end import ResponseEnd
from shared.core.records.outcome import Outcome, RelayResult
from shared.core.wire.stream.tail import Tail

CUT = Tail(finished=False, usage=None)
FINISHED = Tail(finished=True, usage=None)
FAILED = Tail(finished=True, usage=None, failed=True)
OPEN = Tail(finished=False, usage=None, open_end=True)
UNSURE = Tail(finished=False, usage=None, unsure=True)


# the end, it is a stream, its end is known -> finished, cut short, the outcome if HTTP ended it
@pytest.mark.parametrize(
    ("end", "is_stream", "end_is_known", "finished", "cut_short", "outcome"),
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
        "finished",
        "whole document",
        "failed",
        "open",
        "unsure",
    ],
)
def test_what_an_end_says(
    end: Tail,
    outcome: Outcome,
    *,
    is_stream: bool,
    end_is_known: bool,
    finished: bool,
    cut_short: bool,
) -> None:
    """An end that is not known leaves HTTP's word."""
    response_end = ResponseEnd(tail=end, is_stream=is_stream, end_is_known=end_is_known)
    assert (response_end.finished, response_end.cut_short) == (finished, cut_short)
    assert response_end.outcome(RelayResult.COMPLETE, upstream_status=200) is outcome


@pytest.mark.parametrize(
    ("end", "outcome"),
    [(CUT, Outcome.CLIENT_DISCONNECTED), (FINISHED, Outcome.COMPLETED), (OPEN, Outcome.COMPLETED)],
    ids=["cut", "finished", "open"],
)
def test_a_client_that_has_all_of_a_stream_may_disconnect(end: Tail, outcome: Outcome) -> None:
    """Many close right after [DONE]."""
    response_end = ResponseEnd(tail=end, is_stream=True, end_is_known=True)
    result = RelayResult.CLIENT_DISCONNECTED
    assert response_end.outcome(result, upstream_status=200) is outcome
