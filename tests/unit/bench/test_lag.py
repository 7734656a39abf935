"""The lag's percentiles and its table, from made-up events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bench.accepted_events import ArrivedEvent
from bench.lag_figures import LoadWindow, Reading, doubts, lag_of, markdown

START = datetime(2026, 11, 27, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sample_window(others_share: float = 0.0) -> LoadWindow:
    return LoadWindow(
        calls_per_s=10,
        calls=100,
        start=Reading(at=at(0), worker_s=1.0, azurite_s=3.0),
        ended=Reading(at=at(10), worker_s=3.5, azurite_s=8.0),
        drained=Reading(at=at(13), worker_s=4.0, azurite_s=8.5),
        others_share=others_share,
    )


# One exchange ends every 0.1 s. Each event takes 0.1 s, the last five take 2 s.
EVENTS = [
    ArrivedEvent(ended=at(number / 10), accepted=at(number / 10 + (0.1 if number < 95 else 2)))
    for number in range(100)
]
BEFORE = ArrivedEvent(ended=at(-1), accepted=at(1))
AFTER = ArrivedEvent(ended=at(14), accepted=at(15))


def test_the_lag_is_that_of_the_loads_own_exchanges() -> None:
    lag = lag_of(sample_window(), [BEFORE, *EVENTS, AFTER])
    assert lag.percentiles_ms == pytest.approx((100, 100, 2000))
    assert lag.delivered_at_end == pytest.approx(0.95)
    assert lag.drain_s == pytest.approx(1.9)


def test_the_table_is_ready_for_the_docs() -> None:
    table = markdown([lag_of(sample_window(), EVENTS)]).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[-1] == "| 10 | 100 | 100 ms | 100 ms | 2.0 s | 95% | 1.9 s | 25% | 50% | 55.0 ms |"


def test_a_busy_machine_is_a_doubt() -> None:
    assert doubts([lag_of(sample_window(), EVENTS)]) == []
    (doubt,) = doubts([lag_of(sample_window(others_share=0.3), EVENTS)])
    assert "other processes used 30% of the machine" in doubt
