"""Bounded concurrency: results in order, at most `limit` at a time, and no task left behind after a
failure.
"""

from __future__ import annotations

import asyncio

import pytest

from shared.concurrency.gather import gather_bounded

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
