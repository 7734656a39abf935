"""Run a long computation on the event loop without blocking it.

The computation is a generator that yields between short steps; the event loop serves other tasks
at each yield.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator


async def run_cooperatively[T](steps: Generator[None, None, T]) -> T:
    """The generator's return value. Other tasks run at each of its yields."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        await asyncio.sleep(0)
