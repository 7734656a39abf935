"""How long an event loop is busy without serving anybody else, in its own CPU time, which other
processes do not change.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator

TICK_S = 0.002


@contextlib.asynccontextmanager
async def busy_ms() -> AsyncIterator[list[float]]:
    """The loop's CPU time between two ticks, for all ticks within the block."""
    busy: list[float] = []

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK_S)
            busy.append((time.thread_time() - before) * 1000)

    gc.collect()
    gc.freeze()  # as the worker does: what other tests have left is none of the relay's
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)  # from here on it ticks
    try:
        yield busy
        await asyncio.sleep(2 * TICK_S)  # what has just ended counts as well
    finally:
        ticking.cancel()
