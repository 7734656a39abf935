"""Limits of concurrent work: the calls that run at once, and the bytes that they hold."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable


async def gather_bounded[T, R](
    fn: Callable[[T], Awaitable[R]], items: Iterable[T], *, limit: int
) -> list[R]:
    """Call `fn` on every item, at most `limit` calls at a time; the results in the items' order.

    Every item is worked on, also after a failure. Then the first failure is raised.
    """
    semaphore = asyncio.Semaphore(limit)

    async def call(item: T) -> R:
        async with semaphore:
            return await fn(item)

    results = await asyncio.gather(*(call(item) for item in items), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


class ByteBudget:
    """A number of bytes, shared by its holders. Callers wait in the order in which they came."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._turn = asyncio.Lock()
        self._released = asyncio.Event()

    @contextlib.asynccontextmanager
    async def hold(self, count: int) -> AsyncIterator[None]:
        """Holds `count` bytes within the block; waits until they are free. A caller with
        more than the limit holds all of it.
        """
        count = min(count, self._limit_bytes)
        async with self._turn:
            while self._used_bytes + count > self._limit_bytes:
                self._released.clear()
                await self._released.wait()
            self._used_bytes += count
        try:
            yield
        finally:
            self._used_bytes -= count
            self._released.set()
