"""The backlog is measured while deliveries come, and no more often than every 30 seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import StorageError
from shared.telemetry.backlog import INTERVAL_S, Backlog
from tests.unit.telemetry.background import finish_background_tasks
from tests.unit.telemetry.memory_collector import MemoryCollector

pytestmark = pytest.mark.anyio

NOW = datetime(2025, 11, 23, 14, 30, tzinfo=UTC)


@dataclass
class AgedQueue:
    """A queue of seven messages, the oldest of them `age_s` old."""

    age_s: float | None = 90
    is_down: bool = False

    async def approximate_length(self) -> int:
        if self.is_down:
            raise StorageError("no")
        return 7

    async def oldest_at(self) -> datetime | None:
        return None if self.age_s is None else NOW - timedelta(seconds=self.age_s)


@dataclass
class BacklogSetup:
    """A backlog with its queue and its collector."""

    queue: AgedQueue = field(default_factory=AgedQueue)
    collector: MemoryCollector = field(default_factory=MemoryCollector)
    clock_s: float = 0

    def __post_init__(self) -> None:
        self.backlog = Backlog(
            self.collector,
            self.queue,
            capture_bytes=lambda: 4096,
            outcomes=lambda: 3,
            clock=lambda: self.clock_s,
            now=lambda: NOW,
        )

    async def measure(self) -> dict[str, float]:
        self.collector.points.clear()
        self.backlog.measure_soon()
        await finish_background_tasks()
        return {point.instrument.name: point.value for point in self.collector.points}


@pytest.mark.parametrize(("age_s", "reported_s"), [(90, 90), (None, 0), (-2, 0)])
async def test_queue_captures_and_outcomes_are_measured(
    age_s: float | None, reported_s: float
) -> None:
    """The queue's clock may be ahead of the worker's."""
    assert await BacklogSetup(AgedQueue(age_s=age_s)).measure() == {
        "fnsse.queue.messages": 7,
        "fnsse.queue.oldest_message.age": reported_s,
        "fnsse.captures.waiting": 4096,
        "fnsse.outcomes.waiting": 3,
    }


async def test_a_measurement_lasts_for_a_while() -> None:
    setup = BacklogSetup()
    assert await setup.measure()
    setup.clock_s = INTERVAL_S - 1
    assert not await setup.measure()
    setup.clock_s = INTERVAL_S
    assert await setup.measure()


async def test_a_queue_that_cannot_be_reached_leaves_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    setup = BacklogSetup(AgedQueue(is_down=True))
    assert (await setup.measure()).keys() == {"fnsse.captures.waiting", "fnsse.outcomes.waiting"}
    assert "could not be measured" in caplog.text
