"""Many small pieces of work at once, but not too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def side_by_side[T, R](
    work: Callable[[T], Awaitable[R]], items: Iterable[T], most: int
) -> list[R]:
    """The results, in the items' order. All of them are worked on before the first failure is
    raised.
    """
    free = asyncio.Semaphore(most)

    async def one(item: T) -> R:
        async with free:
            return await work(item)

    results = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
