"""The listing of a window's exchanges: each once, whatever the pages are, and in short steps."""

from __future__ import annotations

import asyncio

import pytest

from shared.completeness.window_listing import list_exchanges
from tests.unit.completeness.captured_hour import CapturedHour, sample_ids

pytestmark = pytest.mark.anyio

WINDOW = "2026/11/23/14"


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 1000])
async def test_each_exchange_is_listed_once(page_size: int) -> None:
    """Its captures may be on two pages."""
    ids = sample_ids(WINDOW, 5)
    captures = CapturedHour(page_size)
    for exchange_id in ids:
        captures.add(exchange_id)
    lists = [exchanges async for exchanges in list_exchanges(captures, WINDOW)]
    exchanges = [exchange for exchanges in lists for exchange in exchanges]
    assert [exchange.exchange_id for exchange in exchanges] == ids
    assert {exchange.kinds for exchange in exchanges} == {frozenset({"request", "response"})}


async def test_other_tasks_run_while_one_page_is_grouped() -> None:
    captures = CapturedHour(page_size=2000)
    for exchange_id in sample_ids(WINDOW, 1000):
        captures.add(exchange_id)
    rounds = 0

    async def count_rounds() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    other_task = asyncio.create_task(count_rounds())
    lists = [exchanges async for exchanges in list_exchanges(captures, WINDOW)]
    other_task.cancel()
    assert max(len(exchanges) for exchanges in lists) <= 100
    assert rounds >= len(lists) - 1 == 10
