"""Limits of concurrent work: results come in order, at most `limit` calls run at a time, no task is
left behind after a failure, and no more bytes are held than there are.
"""

from __future__ import annotations

import asyncio

import pytest

from shared.concurrency.limits import ByteBudget, gather_bounded

pytestmark = pytest.mark.anyio


async def test_calls_are_bounded_and_results_keep_their_order() -> None:
    under_way = most = 0

    async def work(item: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20 - item):  # the last ones end first
            await asyncio.sleep(0)
        under_way -= 1
        return item * item

    assert await gather_bounded(work, range(10), limit=3) == [item * item for item in range(10)]
    assert most == 3


async def test_a_failure_is_raised_when_all_others_are_done() -> None:
    done: list[int] = []

    async def work(item: int) -> None:
        await asyncio.sleep(0)
        if item == 1:
            raise OSError("no")
        done.append(item)

    with pytest.raises(OSError, match="no"):
        await gather_bounded(work, range(5), limit=2)
    assert done == [0, 2, 3, 4]


pytestmark = pytest.mark.anyio


async def turns() -> None:
    """Every task gets as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_caller_waits_for_more_than_is_free() -> None:
    """Callers are served in the order in which they came, so that nobody waits for ever."""
    budget, running, done = ByteBudget(10), [], asyncio.Event()

    async def work(name: str, count: int) -> None:
        async with budget.hold(count):
            running.append(name)
            await done.wait()

    async with asyncio.TaskGroup() as tasks:
        for name, count in (("first", 6), ("large", 8), ("small", 1)):
            tasks.create_task(work(name, count))
        await turns()
        assert running == ["first"]
        done.set()
    assert running == ["first", "large", "small"]


async def test_a_holder_of_more_than_the_limit() -> None:
    """It holds all of the budget."""
    budget = ByteBudget(10)
    async with asyncio.timeout(20), budget.hold(1000):
        pass
    async with asyncio.timeout(20), budget.hold(10):
        pass


async def test_who_stops_waiting_holds_nothing() -> None:
    budget = ByteBudget(10)

    async def wait() -> None:
        async with budget.hold(5):
            raise AssertionError("nothing is free")

    async with budget.hold(10):
        waiting = [asyncio.create_task(wait()) for _ in range(2)]
        await turns()
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    async with asyncio.timeout(20), budget.hold(10):
        pass
