"""Back-pressure: whether more envelopes may be queued now. Reconcile and replay queue theirs only
while live exchanges are enriched promptly and the Event Hub is ready.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from shared.core.records.backlog import only_in_transit
from shared.errors import DeliveryError, StorageError

# Reconcile queues on while no more than this waits: what it has queued itself is being delivered.
UNDER_WAY: Final = 500
_LOOKS: Final = 8
LOOK_EVERY_S: Final = 0.25
PATIENCE_S: Final = 30.0  # with a queue that does not get shorter
# With one that does. A window's run of up to LONGEST_S (see reconciliation) may end with such a
# wait, and the host replaces the worker of a function that takes longer than functionTimeout, 30
# minutes.
LONGEST_WAIT_S: Final = 600.0
_PROBED_EVERY_S: Final = 2.0


class MeasuredQueue(Protocol):
    """Where envelopes go."""

    async def approximate_length(self) -> int:
        """Raises StorageError."""
        ...


class Probed(Protocol):
    """Where events go."""

    async def probe(self) -> None:
        """Raises DeliveryError unless it is ready."""
        ...


class BackPressure:
    """One per worker. Each answer is the reason to wait, or None where the way is clear."""

    def __init__(
        self,
        queue: MeasuredQueue,
        event_hub: Probed,
        *,
        under_way: int = UNDER_WAY,
        patience_s: float = PATIENCE_S,
        longest_wait_s: float = LONGEST_WAIT_S,
        look_every_s: float = LOOK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._event_hub = event_hub
        self._under_way = under_way
        self._patience_s = patience_s
        self._longest_wait_s = longest_wait_s
        self._look_every_s = look_every_s
        self._clock = clock
        self._ready_at = float("-inf")

    async def start_blocked_reason(self) -> str | None:
        """The queue must hold nothing but what passes through."""
        self._ready_at = float("-inf")
        return await self._reason(self._left_over)

    async def continue_blocked_reason(self) -> str | None:
        """Returns once no more than `under_way` envelopes wait; gives up where the queue stops
        getting shorter, or does so too slowly.
        """
        return await self._reason(self._too_many)

    async def replay_blocked_reason(self, most: int) -> str | None:
        """At most so many envelopes may wait."""

        async def waiting() -> int:
            length = await self._queue.approximate_length()
            return length if length > most else 0

        return await self._reason(waiting)

    async def _reason(self, waiting: Callable[[], Awaitable[int]]) -> str | None:
        try:
            if count := await waiting():
                return f"the queue still holds {count} envelopes"
            await self._probe()
        except StorageError:
            return "the queue cannot be reached"
        except DeliveryError:
            return "the Event Hub is not ready"
        return None

    async def _probe(self) -> None:
        if self._clock() - self._ready_at >= _PROBED_EVERY_S:
            await self._event_hub.probe()
            self._ready_at = self._clock()

    async def _left_over(self) -> int:
        lengths: list[int] = []
        async for length in self._lengths():
            lengths.append(length)
            if only_in_transit(lengths):
                return 0
            if len(lengths) == _LOOKS:
                break
        return lengths[-1]

    async def _too_many(self) -> int:
        began = self._clock()
        fewest, since = sys.maxsize, began
        async for length in self._lengths():
            if length <= self._under_way:
                return 0
            if length < fewest:
                fewest, since = length, self._clock()
            if (
                self._clock() - since >= self._patience_s
                or self._clock() - began >= self._longest_wait_s
            ):
                break
        return length

    async def _lengths(self) -> AsyncIterator[int]:
        while True:
            yield await self._queue.approximate_length()
            await asyncio.sleep(self._look_every_s)
