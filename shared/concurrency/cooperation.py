"""Long work in slices: a generator pauses after each of them, and the event loop serves others in
the pauses.

Nothing but the standard library is imported here: the child process that assembles large events has
nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator


async def in_slices[T](work: Generator[None, None, T]) -> T:
    """Run a generator that yields between slices; its result."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
        await asyncio.sleep(0)
