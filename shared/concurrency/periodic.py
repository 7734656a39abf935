"""Work that is repeated in the background."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from shared.concurrency.renewal import SharedTask

# The factor of each wait, so that the instances of an app, which start together, do not stay in
# step.
_JITTER: Final = functools.partial(random.uniform, 0.5, 1.5)


class PeriodicTask:
    """Runs `work`, and again some time after each run has ended. Belongs to the event loop in which
    it begins.

    `work` has to keep its own results and failures. An exception of it ends that run alone.
    """

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        next_wait_s: Callable[[], float],
        *,
        jitter: Callable[[], float] = _JITTER,
    ) -> None:
        """`next_wait_s` is called at the end of a run: the seconds until the next one, which are
        multiplied by `jitter`.
        """
        self._work = work
        self._next_wait_s = next_wait_s
        self._jitter = jitter
        self._running = SharedTask(self._run)
        self._next: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def under_way(self) -> bool:
        """Whether a run has begun and not ended. False during the waits between runs."""
        return self._running.under_way

    def begin(self) -> None:
        """Start the first run. Does nothing outside of an event loop (an app that is only indexed),
        if it has begun already, or after `aclose`.
        """
        if self._next is not None or self._closed:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        self._running.start()

    def run_now(self) -> asyncio.Task[None]:
        """Start a run now instead of later. Returns the run that is under way, if there is one."""
        if self._next is not None and not self._running.under_way:
            self._next.cancel()
        return self._running.start()

    async def wait(self) -> None:
        """Returns when the run that is under way has ended, at once if there is none."""
        await self._running.wait()

    async def aclose(self) -> None:
        """End the run that is under way, and start no other."""
        self._closed = True
        if self._next is not None:
            self._next.cancel()
        await self._running.aclose()

    async def _run(self) -> None:
        try:
            await self._work()
        finally:
            if not self._closed:
                wait_s = self._next_wait_s() * self._jitter()
                self._next = asyncio.get_running_loop().call_later(wait_s, self.run_now)
