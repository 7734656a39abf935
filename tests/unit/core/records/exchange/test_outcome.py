"""An outcome in view of the response: every combination."""

from __future__ import annotations

import itertools

import pytest

from shared.core.records.exchange.outcome import FAILURES, Outcome, decide

# the conclusion, the status is an error's, the response held its own end -> outcome
TABLE: list[tuple[Outcome, bool, bool | None, Outcome]] = [
    (Outcome.COMPLETED, False, None, Outcome.COMPLETED),
    (Outcome.COMPLETED, False, True, Outcome.COMPLETED),
    (Outcome.COMPLETED, False, False, Outcome.UPSTREAM_INTERRUPTED),
    (Outcome.COMPLETED, True, None, Outcome.UPSTREAM_ERROR),
    (Outcome.COMPLETED, True, True, Outcome.UPSTREAM_ERROR),
    (Outcome.COMPLETED, True, False, Outcome.UPSTREAM_ERROR),
    (Outcome.CLIENT_DISCONNECTED, False, None, Outcome.CLIENT_DISCONNECTED),
    (Outcome.CLIENT_DISCONNECTED, False, False, Outcome.CLIENT_DISCONNECTED),
    (Outcome.CLIENT_DISCONNECTED, False, True, Outcome.COMPLETED),
    # an SDK disconnects at the headers of a response that it is going to try again
    (Outcome.CLIENT_DISCONNECTED, True, None, Outcome.UPSTREAM_ERROR),
    (Outcome.CLIENT_DISCONNECTED, True, False, Outcome.UPSTREAM_ERROR),
    (Outcome.UPSTREAM_INTERRUPTED, False, None, Outcome.UPSTREAM_INTERRUPTED),
    (Outcome.UPSTREAM_INTERRUPTED, False, False, Outcome.UPSTREAM_INTERRUPTED),
    (Outcome.UPSTREAM_INTERRUPTED, False, True, Outcome.COMPLETED),
    (Outcome.TIMED_OUT, False, None, Outcome.TIMED_OUT),
    (Outcome.TIMED_OUT, False, False, Outcome.TIMED_OUT),
    (Outcome.TIMED_OUT, False, True, Outcome.COMPLETED),
]


@pytest.mark.parametrize(("concluded", "error_status", "finished", "expected"), TABLE)
def test_the_response_decides_the_outcome(
    concluded: Outcome, expected: Outcome, *, error_status: bool, finished: bool | None
) -> None:
    """A stream's own end counts for more than how the connection ended."""
    outcome = decide(
        concluded, is_final=False, error_status=error_status, failed=False, finished=finished
    )
    assert outcome is expected


@pytest.mark.parametrize("concluded", sorted(FAILURES))
def test_a_response_does_not_excuse_a_failure(concluded: Outcome) -> None:
    """Only an upstream's error or a stream's own end replaces what ended the exchange."""
    for error_status, finished in itertools.product((False, True), (None, False, True)):
        outcome = decide(
            concluded, is_final=False, error_status=error_status, failed=False, finished=finished
        )
        assert outcome is (Outcome.COMPLETED if finished else concluded)


@pytest.mark.parametrize("concluded", sorted(Outcome))
def test_an_error_within_a_stream_is_the_upstreams(concluded: Outcome) -> None:
    """The end of the stream does not matter."""
    for error_status, finished in itertools.product((False, True), (None, False, True)):
        outcome = decide(
            concluded, is_final=False, error_status=error_status, failed=True, finished=finished
        )
        assert outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize("concluded", sorted(Outcome))
def test_a_final_conclusion_is_the_outcome(concluded: Outcome) -> None:
    """The response does not matter."""
    for error_status, failed, finished in itertools.product(
        (False, True), (False, True), (None, False, True)
    ):
        outcome = decide(
            concluded, is_final=True, error_status=error_status, failed=failed, finished=finished
        )
        assert outcome is concluded
