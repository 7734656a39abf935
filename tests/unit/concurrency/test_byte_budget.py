"""Concurrent work holds no more bytes than there are."""

from __future__ import annotations

import asyncio

import pytest

from shared.concurrency.byte_budget import ByteBudget

pytestmark = pytest.mark.anyio


async def turns() -> None:
    """Every task gets as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_caller_waits_for_more_than_is_free() -> None:
    """In the order in which they came, so that nobody waits for ever."""
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
