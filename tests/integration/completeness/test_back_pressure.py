"""Back-pressure: when more envelopes may be queued, and the reason if not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest

from shared.completeness.back_pressure import PROBE_INTERVAL_S, BackPressure
from shared.errors import StorageError
from tests.integration.support.azurite import CountingEventHub
from tests.support.manual_clock import ManualClock

pytestmark = pytest.mark.anyio


class QueueOfLengths:
    """A queue with these lengths, one after another; a second passes between two polls."""

    def __init__(self, clock: ManualClock, lengths: Iterable[int]) -> None:
        self._clock = clock
        self._lengths = iter(lengths)

    async def approximate_length(self) -> int:
        self._clock.now += 1
        length = next(self._lengths)
        if length < 0:
            raise StorageError("away")
        return length

    async def oldest_at(self) -> datetime | None:
        return None


def sample_back_pressure(
    *lengths: int,
    event_hub: CountingEventHub | None = None,
    probe_interval_s: float = PROBE_INTERVAL_S,
) -> BackPressure:
    clock = ManualClock()
    return BackPressure(
        QueueOfLengths(clock, lengths),
        event_hub or CountingEventHub(),
        max_in_flight=10,
        stall_timeout_s=3,
        max_wait_s=100,
        poll_interval_s=0,
        probe_interval_s=probe_interval_s,
        clock=clock,
    )


async def test_reconcile_starts_only_without_a_backlog() -> None:
    """An empty queue or live traffic may be in front of it, but no stale backlog."""
    assert await sample_back_pressure(0).start_blocked_reason() is None
    assert await sample_back_pressure(5, 3, 0).start_blocked_reason() is None
    assert await sample_back_pressure(5, 9, 4).start_blocked_reason() is None
    assert (
        await sample_back_pressure(*[2] * 8).start_blocked_reason()
        == "the queue still holds 2 envelopes"
    )
    assert (
        await sample_back_pressure(*range(80, 0, -10)).start_blocked_reason()
        == "the queue still holds 10 envelopes"
    )


async def test_reconcile_continues_once_little_is_in_flight() -> None:
    """Reconcile waits until most of the envelopes that it queued are delivered."""
    assert await sample_back_pressure(*range(100, 9, -1)).continue_blocked_reason() is None


async def test_reconcile_stops_after_the_longest_wait() -> None:
    """A function must end before the host's functionTimeout."""
    assert (
        await sample_back_pressure(*range(1000, 9, -1)).continue_blocked_reason()
        == "the queue still holds 901 envelopes"
    )


async def test_reconcile_stops_if_the_queue_stalls() -> None:
    """It does not wait for a queue that does not get shorter, or gets longer."""
    assert (
        await sample_back_pressure(30, 20, *[20] * 9).continue_blocked_reason()
        == "the queue still holds 20 envelopes"
    )
    assert (
        await sample_back_pressure(30, *range(31, 99)).continue_blocked_reason()
        == "the queue still holds 33 envelopes"
    )


async def test_a_replay_waits_for_a_long_queue() -> None:
    """One envelope more than its limit is a reason to wait."""
    assert await sample_back_pressure(5).replay_blocked_reason(5) is None
    assert (
        await sample_back_pressure(6).replay_blocked_reason(5)
        == "the queue still holds 6 envelopes"
    )


@pytest.mark.parametrize(("interval_s", "probes"), [(PROBE_INTERVAL_S, 5), (5.0, 2)])
async def test_the_event_hub_is_probed_at_intervals(interval_s: float, probes: int) -> None:
    """By default at most once in two seconds. A second passes between two questions."""
    event_hub = CountingEventHub()
    often = sample_back_pressure(*[0] * 10, event_hub=event_hub, probe_interval_s=interval_s)
    assert [await often.continue_blocked_reason() for _ in range(10)] == [None] * 10
    assert event_hub.probes == probes


async def test_an_event_hub_that_is_not_ready_is_a_reason() -> None:
    away = CountingEventHub(ready=False)
    assert (
        await sample_back_pressure(0, event_hub=away).start_blocked_reason()
        == "the Event Hub is not ready"
    )
    assert (
        await sample_back_pressure(0, event_hub=away).continue_blocked_reason()
        == "the Event Hub is not ready"
    )


async def test_a_queue_that_cannot_be_reached_is_a_reason() -> None:
    """Each of the three questions names that reason."""
    for reason in (
        sample_back_pressure(-1).start_blocked_reason(),
        sample_back_pressure(30, -1).continue_blocked_reason(),
        sample_back_pressure(-1).replay_blocked_reason(9),
    ):
        assert await reason == "the queue cannot be reached"
