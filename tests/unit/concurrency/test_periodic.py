"""Work that is repeated in the background: when it begins, when it runs again, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from harness.waiting import poll_until_async
from shared.concurrency.periodic import PeriodicTask

pytestmark = pytest.mark.anyio

NEVER_S = 3600.0
DEADLINE_S = 20


class FaultyRunError(Exception):
    """An error of the work."""


@dataclass
class Work:
    """Counts its runs. A run ends only while `open` is set, and fails if `failing` is."""

    runs: int = 0
    failing: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def run(self) -> None:
        self.runs += 1
        await self.open.wait()
        if self.failing:
            raise FaultyRunError

    async def wait_for_runs(self, times: int) -> None:
        await poll_until_async(lambda: self.runs >= times, "runs have begun")


type Tasks = Callable[..., PeriodicTask]


@pytest.fixture
async def repeating() -> AsyncIterator[Tasks]:
    """Makes periodic tasks, which are ended afterwards."""
    tasks: list[PeriodicTask] = []

    def make(work: Work, wait_s: float, jitter: float = 1.0) -> PeriodicTask:
        tasks.append(PeriodicTask(work.run, lambda: wait_s, jitter=lambda: jitter))
        return tasks[-1]

    yield make
    for task in tasks:
        await task.aclose()


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.TimerHandle]:
    """The timers that the event loop is asked for, in their order."""
    loop, made = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
    call_later = loop.call_later

    def record(delay: float, callback: Callable[..., object]) -> asyncio.TimerHandle:
        made.append(call_later(delay, callback))
        return made[-1]

    monkeypatch.setattr(loop, "call_later", record)
    return made


async def test_it_begins_once_and_repeats(repeating: Tasks) -> None:
    """A second `begin` starts no second run while the first is under way."""
    work = Work()
    work.open.clear()
    task = repeating(work, 0.001)
    task.begin()
    task.begin()
    await work.wait_for_runs(1)
    assert (work.runs, task.under_way) == (1, True)
    work.open.set()
    await work.wait_for_runs(3)


@pytest.mark.parametrize(("wait_s", "jitter"), [(NEVER_S, 0.0), (0.0, 1.5)])
async def test_a_wait_is_multiplied_by_the_jitter(
    repeating: Tasks, wait_s: float, jitter: float
) -> None:
    """The next run comes at once where either factor is 0."""
    work = Work()
    repeating(work, wait_s, jitter).begin()
    await work.wait_for_runs(2)


async def test_the_default_jitter(timers: list[asyncio.TimerHandle]) -> None:
    """It spreads waits around their length."""
    loop, delays = asyncio.get_running_loop(), []
    work = Work()
    task = PeriodicTask(work.run, lambda: NEVER_S)
    for _ in range(50):
        await task.run_now()
        delays.append(timers[-1].when() - loop.time())
    await task.aclose()
    assert len(timers) == 50
    assert min(delays) > 0.4 * NEVER_S
    assert max(delays) <= 1.5 * NEVER_S
    assert max(delays) - min(delays) > 0.2 * NEVER_S


async def test_a_run_may_be_started_before_its_time(
    repeating: Tasks, timers: list[asyncio.TimerHandle]
) -> None:
    """The timer of the replaced run is cancelled, so it does not fire as well."""
    work = Work()
    task = repeating(work, NEVER_S)
    task.begin()
    await task.wait()
    await task.run_now()
    assert work.runs == 2
    assert [timer.cancelled() for timer in timers] == [True, False]


async def test_a_fault_ends_that_run_alone(
    repeating: Tasks, timers: list[asyncio.TimerHandle]
) -> None:
    work = Work(failing=True)
    task = repeating(work, NEVER_S)
    with pytest.raises(FaultyRunError):
        await task.run_now()
    assert [timer.cancelled() for timer in timers] == [False]


async def test_a_closed_task_does_not_begin(repeating: Tasks) -> None:
    work = Work()
    work.open.clear()
    task = repeating(work, 0.0)
    task.begin()
    await work.wait_for_runs(1)
    await task.aclose()
    task.begin()
    await asyncio.sleep(0)
    assert (work.runs, task.under_way) == (1, False)


def test_outside_of_an_event_loop_nothing_begins() -> None:
    work = Work()
    PeriodicTask(work.run, lambda: NEVER_S).begin()
    assert work.runs == 0
