"""Decides what to do with a follow-up after an attempt. It is pure: without I/O, clock or
randomness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.core.records.queue.follow_up import FollowUp
from shared.core.wire.operations import spec_of

# The wait before the next poll is as long as the response has existed. So the app notices its end
# after at most twice its duration, and polls a response of a day 30 times.
LONGEST_WAIT_S: Final = 3600.0
MAX_AGE_S: Final = 86_400.0
# In a pool of accounts, a poll may reach an account that does not have the response.
MAX_MISSING: Final = 3
# The random part of a wait: responses that were created together are not polled at once.
_MAX_JITTER: Final = 0.2
_LONGEST_RETRY_AFTER_S: Final = 86_400.0

_MISSING: Final = 404
_RETRYABLE: Final = frozenset({408, 409, 425, 429})  # and every 5xx


class EndReason(StrEnum):
    """The reason not to poll a response any more."""

    FINAL = "final"  # it has ended
    TOO_OLD = "too_old"  # it did not end within MAX_AGE_S
    MISSING = "missing"  # the upstream does not know it: it was deleted, or never stored
    REJECTED = "rejected"  # the upstream does not let this app read it


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """The result of a poll of a response."""

    http_status: int | None  # None: the upstream gave no response
    response_status: str | None  # `status` in the body, if it could be read
    retry_after_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Postpone:
    """Poll again after `wait_s` seconds."""

    follow_up: FollowUp
    wait_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """Record the last result, and do not poll again."""

    reason: EndReason


def decide(
    follow_up: FollowUp,
    attempt: Attempt,
    now: datetime,
    *,
    first_wait_s: float,
    random_fraction: float,
) -> Postpone | End:
    """Decide whether to poll again. `random_fraction` is a random number from 0 to 1."""
    reason = _end_reason(follow_up, attempt)
    if reason is not None:
        return End(reason=reason)
    age_s = follow_up.age_s(now)
    if age_s >= MAX_AGE_S:
        return End(reason=EndReason.TOO_OLD)
    not_found_count = follow_up.not_found_count + 1 if attempt.http_status == _MISSING else 0
    server_wait_s = min(attempt.retry_after_s, _LONGEST_RETRY_AFTER_S)
    return Postpone(
        follow_up=replace(
            follow_up, poll_count=follow_up.poll_count + 1, not_found_count=not_found_count
        ),
        wait_s=add_jitter(
            max(wait_before_next_poll(age_s, first_wait_s), server_wait_s), random_fraction
        ),
    )


def wait_before_first_poll(age_s: float, first_s: float) -> int:
    """Seconds; 0 if the create call's event comes late."""
    return max(0, round(first_s - age_s))


def wait_before_next_poll(age_s: float, first_s: float) -> float:
    """Seconds, for a response of this age."""
    return min(max(age_s, first_s), max(LONGEST_WAIT_S, first_s))


def add_jitter(seconds: float, random_fraction: float) -> int:
    """The wait plus up to 20 % jitter, in whole seconds."""
    return max(1, round(seconds * (1 + _MAX_JITTER * random_fraction)))


def _end_reason(follow_up: FollowUp, attempt: Attempt) -> EndReason | None:
    """The reason in the attempt itself not to poll again; None if it has none."""
    status = attempt.http_status
    if status is None or status in _RETRYABLE or status >= 500:
        return None
    if status == _MISSING:
        return EndReason.MISSING if follow_up.not_found_count + 1 >= MAX_MISSING else None
    if status >= 400:
        return EndReason.REJECTED
    final = attempt.response_status in spec_of(follow_up.operation).final_statuses
    return EndReason.FINAL if final else None
