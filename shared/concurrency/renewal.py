"""Values that are fetched repeatedly, for many callers at once.

One fetch is under way at a time and shared by all callers: its result, its failure, its time-out. A
caller that stops waiting does not end it for the others. Nothing here knows which value it is: the
access check renews a tenant's signing keys with it, the identity adapter its tokens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class SharedTask:
    """Runs `work` for all its callers, one run at a time. Belongs to the event loop of its first
    use.

    `work` has to keep its own results and failures.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> bool:
        """Whether a run has begun and not ended."""
        return self._task is not None and not self._task.done()

    def start(self) -> asyncio.Task[None]:
        """The run that is under way. Starts one if there is none."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return self._task

    async def wait(self) -> None:
        """Returns when the run that is under way has ended, at once if there is none. Does not
        raise the run's exception.
        """
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    async def aclose(self) -> None:
        """End the run that is under way."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})


class Renewal[T]:
    """Keeps a value that expires. The value is renewed ahead of its expiry, and used until then if
    the renewal fails.

    Callers wait for a fetch only if they have no value that still lives. All callers within
    `pause_s` after a failure share it: they do not queue for a failing endpoint, nor call it again
    and again.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[T, float]]],
        clock: Callable[[], float],
        *,
        renew_before_s: float,
        timeout_s: float,
        pause_s: float,
    ) -> None:
        """`fetch` gives the value, and when by `clock` it expires; it may take `timeout_s`. The
        value is renewed `renew_before_s` ahead of that.
        """
        self._fetch = fetch
        self._clock = clock
        self._renew_before_s = renew_before_s
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self.fetching = SharedTask(self._renew)
        self._value: tuple[T, float] | None = None
        self._failure: Exception | None = None  # why the newest fetch failed; None if it succeeded
        self._failed_at = float("-inf")

    async def value(self) -> T:
        """The value. Does not suspend if the current one still lives.

        Raises the exception of `fetch`, or TimeoutError, if there is no value.
        """
        current = self._living(self._renew_before_s)
        if current is not None:
            return current[0]
        if self._failure is None or self._clock() >= self._failed_at + self._pause_s:
            self.fetching.start()
        if self._living() is None:
            await self.fetching.wait()
        current = self._living()
        if current is not None:
            return current[0]
        # without a traceback: each caller would add its frames and their variables
        failure = self._failure or TimeoutError("the fetched value had expired already")
        raise failure.with_traceback(None)

    async def aclose(self) -> None:
        """End the fetch that is under way."""
        await self.fetching.aclose()

    def _living(self, for_s: float = 0.0) -> tuple[T, float] | None:
        """The current value, if it lives for at least so long."""
        return self._value if self._value and self._clock() < self._value[1] - for_s else None

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                self._value = await self._fetch()
        except Exception as error:  # noqa: BLE001 - stored, and raised to callers without a value
            self._failure, self._failed_at = error.with_traceback(None), self._clock()
        else:
            self._failure = None
