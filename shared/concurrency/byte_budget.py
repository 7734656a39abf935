"""Bounds the bytes that concurrent work holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


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
