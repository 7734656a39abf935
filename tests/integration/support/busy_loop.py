"""How long an event loop is busy without serving anybody else, in its own CPU time, which other
processes hardly change, and in units of work, which a slow machine does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator

from harness.work import unit_s

TICK_S = 0.002


@contextlib.asynccontextmanager
async def busy_units() -> AsyncIterator[list[float]]:
    """The loop's CPU time between two ticks, for all ticks within the block; once that has ended,
    in units of work, which are about milliseconds.
    """
    busy: list[float] = []

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK_S)
            busy.append(time.thread_time() - before)

    gc.collect()
    gc.freeze()  # as the worker does: what other tests have left is none of the relay's
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)  # from here on it ticks
    try:
        yield busy
        await asyncio.sleep(2 * TICK_S)  # what has just ended counts as well
    finally:
        ticking.cancel()
        unit = unit_s()
        busy[:] = [seconds / unit for seconds in busy]
