"""Long computations take turns with other tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from shared.concurrency.cooperative import run_cooperatively

pytestmark = pytest.mark.anyio


async def test_others_are_served_between_slices() -> None:
    """A scan of some slices lets another task run after each."""
    served = 0

    async def other() -> None:
        nonlocal served
        while True:
            served += 1
            await asyncio.sleep(0)

    def scan() -> Generator[None, None, str]:
        for _ in range(10):
            yield
        return "found"

    task = asyncio.create_task(other())
    assert await run_cooperatively(scan()) == "found"
    task.cancel()
    assert served >= 9
