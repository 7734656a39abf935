"""The decision about a follow-up after an attempt, and the time of the next poll."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sample_envelope import sample_envelope
from shared.core.decisions import polling
from shared.core.decisions.polling import (
    LONGEST_WAIT_S,
    MAX_AGE_S,
    MAX_MISSING,
    Attempt,
    End,
    EndReason,
    Postpone,
)
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import FollowUp
from shared.core.wire.operations import spec_of

FIRST_S = 30.0
CREATE = sample_envelope(operation="responses", path="/openai/v1/responses", api_version=None)
FINAL = sorted(spec_of("responses.followed").final_statuses)


def sample_follow_up() -> FollowUp:
    follow_up = follow_ups.of_create(CREATE, "resp_1")
    assert follow_up is not None
    return follow_up


CREATED_AT = datetime.fromisoformat(sample_follow_up().created_at)


def decide(
    attempt: Attempt, *, age_s: float = 60, random_fraction: float = 0.0, missing: int = 0
) -> Postpone | End:
    follow_up = follow_ups.load(
        follow_ups.dump(sample_follow_up()).replace(
            '"not_found_count":0', f'"not_found_count":{missing}'
        )
    )
    now = CREATED_AT + timedelta(seconds=age_s)
    return polling.decide(
        follow_up, attempt, now, first_wait_s=FIRST_S, random_fraction=random_fraction
    )


def attempt_with(
    status: int, response_status: str | None = None, retry_after_s: float = 0
) -> Attempt:
    return Attempt(http_status=status, response_status=response_status, retry_after_s=retry_after_s)


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("age_s", [0, 2 * MAX_AGE_S])
def test_a_response_that_has_ended_is_recorded(status: str, age_s: float) -> None:
    """Its age does not matter, because the app may have been stopped for days."""
    assert decide(attempt_with(200, status), age_s=age_s) == End(reason=EndReason.FINAL)


@pytest.mark.parametrize("status", ["queued", "in_progress", "a_new_word", None])
def test_a_response_that_runs_is_polled_again(status: str | None) -> None:
    """An unknown status is not the end, and neither is a body that cannot be read."""
    action = decide(attempt_with(200, status), age_s=100)
    assert isinstance(action, Postpone)
    assert (action.wait_s, action.follow_up.poll_count) == (100, 1)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, EndReason.REJECTED),
        (401, EndReason.REJECTED),
        (403, EndReason.REJECTED),
        (404, None),
        (408, None),
        (429, None),
        (500, None),
        (503, None),
        (None, None),
    ],
)
def test_a_refusal_ends_it_and_a_failure_that_may_pass_does_not(
    status: int | None, reason: EndReason | None
) -> None:
    """Waiting does not bring back a key that was rotated away, but an overload passes."""
    action = decide(Attempt(http_status=status, response_status=None))
    assert (action.reason if isinstance(action, End) else None) == reason


def test_a_missing_response_is_given_up() -> None:
    """It is polled three times in a row, because another account of a pool may have answered.
    Any other answer starts the count again.
    """
    missing = attempt_with(404)
    action = decide(missing, missing=MAX_MISSING - 2)
    assert isinstance(action, Postpone)
    assert action.follow_up.not_found_count == MAX_MISSING - 1
    assert decide(missing, missing=MAX_MISSING - 1) == End(reason=EndReason.MISSING)
    between = decide(attempt_with(200, "queued"), missing=MAX_MISSING - 1)
    assert isinstance(between, Postpone)
    assert between.follow_up.not_found_count == 0


@pytest.mark.parametrize(
    "attempt", [attempt_with(200, "in_progress"), attempt_with(503), attempt_with(429)]
)
def test_a_response_that_does_not_end_is_given_up_after_a_day(attempt: Attempt) -> None:
    assert isinstance(decide(attempt, age_s=MAX_AGE_S - 1), Postpone)
    assert decide(attempt, age_s=MAX_AGE_S) == End(reason=EndReason.TOO_OLD)


@given(
    age_s=st.floats(-1e6, MAX_AGE_S - 1),
    retry_after_s=st.floats(0, 1e9),
    status=st.sampled_from([200, 404, 429, 500, 503, None]),
    random_fraction=st.floats(0, 1),
)
def test_a_wait_is_bounded_and_obeys_retry_after(
    age_s: float, retry_after_s: float, status: int | None, random_fraction: float
) -> None:
    """That holds whatever the clocks of two machines show and whatever the upstream asks for.
    Storage hides a message for seven days at most.
    """
    attempt = Attempt(http_status=status, response_status=None, retry_after_s=retry_after_s)
    action = decide(attempt, age_s=age_s, random_fraction=random_fraction)
    assert isinstance(action, Postpone)
    assert FIRST_S <= action.wait_s < 7 * 86_400
    assert action.wait_s >= min(round(retry_after_s), MAX_AGE_S)


@given(age_s=st.floats(0, MAX_AGE_S), random_fraction=st.floats(0, 1))
def test_the_end_is_seen_at_most_about_twice_as_late_as_it_was(
    age_s: float, random_fraction: float
) -> None:
    wait_s = polling.add_jitter(polling.wait_before_next_poll(age_s, FIRST_S), random_fraction)
    assert wait_s <= 1.2 * max(FIRST_S, min(age_s, LONGEST_WAIT_S)) + 1


def test_a_day_takes_thirty_polls() -> None:
    """100,000 open responses cost 35 polls a second."""
    age_s, poll_count = FIRST_S, 0
    while age_s < MAX_AGE_S:
        poll_count += 1
        age_s += polling.wait_before_next_poll(age_s, FIRST_S)
    assert poll_count == 30


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 30), (10.4, 20), (30, 0), (9999, 0)])
def test_the_first_wait_begins_with_the_response(age_s: float, wait_s: int) -> None:
    """It counts from the end of the create call, not from the delivery of its event, which an
    outage of the Event Hub delays.
    """
    assert polling.wait_before_first_poll(age_s, FIRST_S) == wait_s
