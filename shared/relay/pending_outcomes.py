"""Outcomes that neither store has taken yet.

One task tries all of them, every few seconds and as soon as any recording call succeeds: what a
worker holds in memory is lost when it is stopped. It tries the oldest first and alone, so that an
outage costs a few calls however many wait.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol

from shared.concurrency.limits import gather_bounded
from shared.core.records.exchange.envelope import Envelope
from shared.relay.recording_failures import RecordingFailures

_log = logging.getLogger("fnsse.recording")

RETRY_INTERVAL_S: Final = 5.0
MAX_WAITING: Final = 5_000  # envelopes of up to 8 KB
MAX_CONCURRENT: Final = 16  # calls of storage


class StartTask(Protocol):
    """Starts work that outlives its caller."""

    def __call__[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]: ...


class PendingOutcomes:
    """Tries to store outcomes until they are stored or too old."""

    def __init__(
        self,
        *,
        store: Callable[[Envelope], Awaitable[bool]],
        start: StartTask,
        failures: RecordingFailures,
        give_up_after_s: float,
        interval_s: float = RETRY_INTERVAL_S,
        max_waiting: int = MAX_WAITING,
        max_concurrent: int = MAX_CONCURRENT,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`store` says whether an outcome is stored now. `failures` counts those that are given up.
        The pause between two tries is half of `interval_s` to one and a half, so that the workers
        of an app do not try together. `uniform`: a random number from a range.
        """
        self._store = store
        self._start = start
        self._failures = failures
        self._give_up_after_s = give_up_after_s
        self._interval_s = interval_s
        self._max_waiting = max_waiting
        self._max_concurrent = max_concurrent
        self._clock = clock
        self._uniform = uniform
        self._waiting: deque[tuple[float, Envelope]] = deque()  # with the time of its end
        self._healthy = asyncio.Event()
        self._retrying: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, envelope: Envelope) -> None:
        """Try to store this outcome again later."""
        if len(self._waiting) >= self._max_waiting:
            self._give_up(envelope)
            return
        self._healthy.clear()
        self._waiting.append((self._clock(), envelope))
        if self._retrying is None or self._retrying.done():
            self._retrying = self._start(self._retry())

    def storage_answered(self) -> None:
        """A recording call has succeeded: try all outcomes now."""
        if self._waiting:
            self._healthy.set()

    async def _retry(self) -> None:
        while self._waiting:
            await self._pause()
            added_at, envelope = self._waiting.popleft()
            if await self._is_stored(envelope):
                await self._store_rest()
            else:
                self._waiting.appendleft((added_at, envelope))
            self._give_up_old()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._interval_s * self._uniform(0.5, 1.5)):
                await self._healthy.wait()
        except TimeoutError:
            pass
        self._healthy.clear()

    async def _store_rest(self) -> None:
        batch = list(self._waiting)
        self._waiting.clear()

        async def store(pending: tuple[float, Envelope]) -> bool:
            return await self._is_stored(pending[1])

        results = await gather_bounded(store, batch, limit=self._max_concurrent)
        failed = [pending for pending, stored in zip(batch, results, strict=True) if not stored]
        self._waiting.extendleft(reversed(failed))

    async def _is_stored(self, envelope: Envelope) -> bool:
        try:
            return await self._store(envelope)
        # A bug in storing one outcome must not lose those that wait after it.
        except Exception as error:  # noqa: BLE001
            _log.error(
                "Storing the outcome of exchange %s failed: %s",
                envelope.exchange_id,
                type(error).__name__,
            )
            return False

    def _give_up_old(self) -> None:
        oldest = self._clock() - self._give_up_after_s
        while self._waiting and self._waiting[0][0] <= oldest:
            self._give_up(self._waiting.popleft()[1])

    def _give_up(self, envelope: Envelope) -> None:
        self._failures.lost += 1
        _log.error(
            "Exchange %s could not be recorded at all. The log has its envelope.",
            envelope.exchange_id,
        )
