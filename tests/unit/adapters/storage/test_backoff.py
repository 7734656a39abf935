"""How long a storage call waits before it is tried again."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage.backoff import Backoff
from shared.core.wire.http.retry_after import retry_after_s

NOW = datetime(2026, 11, 27, 3, 0, 0, tzinfo=UTC)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_there_are_as_many_waits_as_are_named() -> None:
    backoff = Backoff(waits_s=(0.1, 0.5), uniform=middle)
    waits = [backoff.wait_s(tries) for tries in (1, 2, 3)]
    assert waits == [pytest.approx(0.1), pytest.approx(0.5), None]


def test_waits_are_random_within_half_of_their_length() -> None:
    """Instances that failed together do not come back together."""
    backoff = Backoff(uniform=random.Random(7).uniform)  # noqa: S311 - no secret
    waits = [backoff.wait_s(2) or 0 for _ in range(200)]
    assert 0.25 <= min(waits) < 0.3
    assert 0.7 < max(waits) <= 0.75
    assert len(set(waits)) == len(waits)


def test_a_wait_is_never_shorter_than_retry_after() -> None:
    backoff = Backoff(uniform=lambda low, _: low)
    assert backoff.wait_s(1, 2.0) == pytest.approx(2.05)


@pytest.mark.parametrize(("retry_after_s", "tried"), [(5.0, True), (5.1, False), (3600.0, False)])
def test_too_long_a_retry_after_ends_the_tries(retry_after_s: float, tried: bool) -> None:
    """The service is not called again."""
    assert (Backoff(longest_s=5.0).wait_s(1, retry_after_s) is not None) is tried


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("-7", 0),
        ("1.5", 0),
        ("\u0667", 0),  # a digit, but not one of HTTP's
        ("soon", 0),
        ("Fri, 27 Nov 2026 03:00:04 GMT", 4),
        ("Fri, 27 Nov 2026 04:00:04 +0100", 4),
        ("Fri, 27 Nov 2026 03:00:04 -0000", 4),
        ("Friday, 27-Nov-26 03:00:04 GMT", 4),
        ("Fri, 27 Nov 2026 02:59:00 GMT", 0),
    ],
)
def test_a_retry_after_header_is_read_in_every_form(value: str | None, seconds: float) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(st.text())
def test_any_header_gives_a_number_of_seconds(value: str) -> None:
    assert retry_after_s(value, NOW) >= 0
