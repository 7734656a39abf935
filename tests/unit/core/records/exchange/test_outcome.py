"""An outcome in view of the response: every combination."""

from __future__ import annotations

import itertools

import pytest

from shared.core.records.exchange.outcome import Outcome, correct, decide

_: None = None
# outcome as the relay saw it, upstream's status, the response is a stream, it held its own end ->
# outcome. None: whichever.
TABLE: list[tuple[Outcome, int, bool | None, bool | None, Outcome]] = [
    (Outcome.COMPLETED, 200, False, _, Outcome.COMPLETED),
    (Outcome.COMPLETED, 200, True, True, Outcome.COMPLETED),
    (Outcome.COMPLETED, 200, True, False, Outcome.UPSTREAM_INTERRUPTED),
    (Outcome.COMPLETED, 404, _, _, Outcome.UPSTREAM_ERROR),
    (Outcome.COMPLETED, 429, _, _, Outcome.UPSTREAM_ERROR),
    (Outcome.COMPLETED, 500, _, _, Outcome.UPSTREAM_ERROR),
    (Outcome.CLIENT_DISCONNECTED, 200, False, _, Outcome.CLIENT_DISCONNECTED),
    (Outcome.CLIENT_DISCONNECTED, 200, True, False, Outcome.CLIENT_DISCONNECTED),
    (Outcome.CLIENT_DISCONNECTED, 200, True, True, Outcome.COMPLETED),
    # an SDK disconnects at the headers of a response that it is going to try again
    (Outcome.CLIENT_DISCONNECTED, 429, _, _, Outcome.UPSTREAM_ERROR),
    (Outcome.CLIENT_DISCONNECTED, 500, _, _, Outcome.UPSTREAM_ERROR),
    (Outcome.UPSTREAM_INTERRUPTED, 200, False, _, Outcome.UPSTREAM_INTERRUPTED),
    (Outcome.UPSTREAM_INTERRUPTED, 200, True, False, Outcome.UPSTREAM_INTERRUPTED),
    (Outcome.UPSTREAM_INTERRUPTED, 200, True, True, Outcome.COMPLETED),
    (Outcome.TIMED_OUT, 200, False, _, Outcome.TIMED_OUT),
    (Outcome.TIMED_OUT, 200, True, False, Outcome.TIMED_OUT),
    (Outcome.TIMED_OUT, 200, True, True, Outcome.COMPLETED),
]


@pytest.mark.parametrize(("observed", "status", "stream", "finished", "expected"), TABLE)
def test_the_response_decides_the_outcome(
    observed: Outcome,
    status: int,
    stream: bool | None,
    finished: bool | None,
    expected: Outcome,
) -> None:
    either = (False, True)
    for streams, finishes in itertools.product(
        either if stream is None else (stream,), either if finished is None else (finished,)
    ):
        assert (
            decide(observed, upstream_status=status, stream=streams, finished=finishes) is expected
        )


def test_a_response_does_not_excuse_another_end() -> None:
    """Only an upstream's error or a stream's own end replaces what ended the exchange."""
    for observed, status, stream, finished in itertools.product(
        set(Outcome) - {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED},
        (200, 201, 400, 429, 500, 503),
        (False, True),
        (False, True),
    ):
        expected = Outcome.COMPLETED if stream and finished else observed
        assert (
            decide(observed, upstream_status=status, stream=stream, finished=finished) is expected
        )


def test_an_error_within_a_stream_is_the_upstreams() -> None:
    """The end of the stream does not matter."""
    for observed in (
        Outcome.COMPLETED,
        Outcome.UPSTREAM_INTERRUPTED,
        Outcome.CLIENT_DISCONNECTED,
        Outcome.TIMED_OUT,
    ):
        for finished in (False, True):
            outcome = decide(
                observed, upstream_status=200, stream=True, finished=finished, failed=True
            )
            assert outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize("outcome", sorted(Outcome))
def test_the_whole_response_corrects_the_outcome(outcome: Outcome) -> None:
    """And nothing else: an interruption, a timeout or a refusal is the relay's own observation."""
    may_change = outcome in {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}
    for failed, finished, known, read_it in itertools.product(
        (False, True), (None, False, True), (False, True), (False, True)
    ):
        corrected = correct(
            outcome, failed=failed, finished=finished, end_is_known=known, relay_read_it=read_it
        )
        if failed and may_change:
            assert corrected is Outcome.UPSTREAM_ERROR
        elif outcome is Outcome.COMPLETED and known and finished is False:
            assert corrected is Outcome.UPSTREAM_INTERRUPTED
        elif outcome is Outcome.CLIENT_DISCONNECTED and finished and not read_it:
            assert corrected is Outcome.COMPLETED
        else:
            assert corrected is outcome
