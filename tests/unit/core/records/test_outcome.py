"""From the relay's result to the exchange's outcome: every combination."""

from __future__ import annotations

import itertools

import pytest

from shared.core.records.outcome import Outcome, RelayResult, correct, decide

_: None = None
# result, upstream's status (None: no response), the response is a stream, it held its own end ->
# outcome. None: whichever.
TABLE: list[tuple[RelayResult, int | None, bool | None, bool | None, Outcome]] = [
    (RelayResult.COMPLETE, 200, False, _, Outcome.COMPLETED),
    (RelayResult.COMPLETE, 200, True, True, Outcome.COMPLETED),
    (RelayResult.COMPLETE, 200, True, False, Outcome.UPSTREAM_INTERRUPTED),
    (RelayResult.COMPLETE, 404, _, _, Outcome.UPSTREAM_ERROR),
    (RelayResult.COMPLETE, 429, _, _, Outcome.UPSTREAM_ERROR),
    (RelayResult.COMPLETE, 500, _, _, Outcome.UPSTREAM_ERROR),
    (RelayResult.CLIENT_DISCONNECTED, None, _, _, Outcome.CLIENT_DISCONNECTED),
    (RelayResult.CLIENT_DISCONNECTED, 200, False, _, Outcome.CLIENT_DISCONNECTED),
    (RelayResult.CLIENT_DISCONNECTED, 200, True, False, Outcome.CLIENT_DISCONNECTED),
    (RelayResult.CLIENT_DISCONNECTED, 200, True, True, Outcome.COMPLETED),
    # an SDK disconnects at the headers of a response that it is going to try again
    (RelayResult.CLIENT_DISCONNECTED, 429, _, _, Outcome.UPSTREAM_ERROR),
    (RelayResult.CLIENT_DISCONNECTED, 500, _, _, Outcome.UPSTREAM_ERROR),
    (RelayResult.UNREACHABLE, None, _, _, Outcome.UPSTREAM_ERROR),
    (RelayResult.INTERRUPTED, 200, False, _, Outcome.UPSTREAM_INTERRUPTED),
    (RelayResult.INTERRUPTED, 200, True, False, Outcome.UPSTREAM_INTERRUPTED),
    (RelayResult.INTERRUPTED, 200, True, True, Outcome.COMPLETED),
    (RelayResult.TIMEOUT, None, _, _, Outcome.TIMED_OUT),
    (RelayResult.TIMEOUT, 200, False, _, Outcome.TIMED_OUT),
    (RelayResult.TIMEOUT, 200, True, False, Outcome.TIMED_OUT),
    (RelayResult.TIMEOUT, 200, True, True, Outcome.COMPLETED),
    # the client was sent nothing of a response in another form than the promised one
    (RelayResult.UNUSABLE, 200, _, _, Outcome.UPSTREAM_INTERRUPTED),
    (RelayResult.REJECTED, None, _, _, Outcome.REJECTED),
]


@pytest.mark.parametrize(("result", "status", "stream", "finished", "expected"), TABLE)
def test_a_result_has_its_outcome(
    result: RelayResult,
    status: int | None,
    stream: bool | None,
    finished: bool | None,
    expected: Outcome,
) -> None:
    either = (False, True)
    for streams, finishes in itertools.product(
        either if stream is None else (stream,), either if finished is None else (finished,)
    ):
        assert decide(result, upstream_status=status, stream=streams, finished=finishes) is expected


def test_every_combination_has_an_outcome_that_the_relay_may_give() -> None:
    """`aborted` is not one of them: it is found by who looks for exchanges that left no outcome."""
    statuses = (None, 200, 201, 400, 429, 500, 503)
    for result, status, stream, finished in itertools.product(
        RelayResult, statuses, (False, True), (False, True)
    ):
        assert (
            decide(result, upstream_status=status, stream=stream, finished=finished)
            is not Outcome.ABORTED
        )


def test_an_error_within_a_stream_is_the_upstreams_however_it_ended() -> None:
    for result in (
        RelayResult.COMPLETE,
        RelayResult.INTERRUPTED,
        RelayResult.CLIENT_DISCONNECTED,
        RelayResult.TIMEOUT,
    ):
        for finished in (False, True):
            outcome = decide(
                result, upstream_status=200, stream=True, finished=finished, failed=True
            )
            assert outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize("outcome", sorted(Outcome))
def test_the_whole_response_corrects_what_the_relay_could_not_see(outcome: Outcome) -> None:
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
