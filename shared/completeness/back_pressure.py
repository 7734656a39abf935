"""Back-pressure: decides whether more envelopes may be queued now.

Reconcile and replay queue envelopes only while live exchanges are enriched promptly and the Event
Hub is ready. Otherwise an outage would become a storm, and replayed exchanges would delay live
ones.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from shared.core.decisions.backlog import only_in_transit
from shared.errors import DeliveryError, StorageError
from shared.ports.destinations import ProbedEventHub
from shared.ports.queues import QueueLength

# Reconcile continues while no more than this is queued: its own envelopes are being delivered.
MAX_IN_FLIGHT: Final = 500
_START_POLLS: Final = 8
POLL_INTERVAL_S: Final = 0.25
STALL_TIMEOUT_S: Final = 30.0  # while the queue does not get shorter
# While the queue gets shorter. A run of one window, which takes up to MAX_RUN_S (see
# reconciliation), may end with such a wait, and the host replaces the worker of a function that
# takes longer than functionTimeout, 30 minutes.
MAX_WAIT_S: Final = 600.0
PROBE_INTERVAL_S: Final = 2.0


class BackPressure:
    """Gives the reason not to queue more envelopes, or None if they may be queued."""

    def __init__(
        self,
        queue: QueueLength,
        event_hub: ProbedEventHub,
        *,
        max_in_flight: int = MAX_IN_FLIGHT,
        stall_timeout_s: float = STALL_TIMEOUT_S,
        max_wait_s: float = MAX_WAIT_S,
        poll_interval_s: float = POLL_INTERVAL_S,
        probe_interval_s: float = PROBE_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._event_hub = event_hub
        self._max_in_flight = max_in_flight
        self._stall_timeout_s = stall_timeout_s
        self._max_wait_s = max_wait_s
        self._poll_interval_s = poll_interval_s
        self._probe_interval_s = probe_interval_s
        self._clock = clock
        self._probed_at = float("-inf")

    async def start_blocked_reason(self) -> str | None:
        """The reason not to start reconcile: the queue holds a backlog. None if it may start."""
        self._probed_at = float("-inf")
        return await self._reason(self._stale_backlog)

    async def continue_blocked_reason(self) -> str | None:
        """The reason not to queue reconcile's next batch; None if it may.

        Waits until at most `max_in_flight` envelopes are queued. Gives a reason if the queue stops
        getting shorter, or gets shorter too slowly.
        """
        return await self._reason(self._over_limit)

    async def replay_blocked_reason(self, max_queued: int) -> str | None:
        """The reason not to queue replay's next page: more than `max_queued` envelopes are queued.
        None if it may.
        """

        async def count() -> int:
            length = await self._queue.approximate_length()
            return length if length > max_queued else 0

        return await self._reason(count)

    async def _reason(self, count_waiting: Callable[[], Awaitable[int]]) -> str | None:
        try:
            if count := await count_waiting():
                return f"the queue still holds {count} envelopes"
            await self._probe()
        except StorageError:
            return "the queue cannot be reached"
        except DeliveryError:
            return "the Event Hub is not ready"
        return None

    async def _probe(self) -> None:
        if self._clock() - self._probed_at >= self._probe_interval_s:
            await self._event_hub.probe()
            self._probed_at = self._clock()

    async def _stale_backlog(self) -> int:
        """The queue's length if its envelopes are not delivered promptly; 0 if they are."""
        lengths: list[int] = []
        async for length in self._poll_lengths():
            lengths.append(length)
            if only_in_transit(lengths):
                return 0
            if len(lengths) == _START_POLLS:
                break
        return lengths[-1]

    async def _over_limit(self) -> int:
        """Wait until at most `max_in_flight` envelopes are queued. Returns 0, or the queue's length
        if the wait takes too long.
        """
        started_at = self._clock()
        shortest, shortest_at = sys.maxsize, started_at
        async for length in self._poll_lengths():
            if length <= self._max_in_flight:
                return 0
            if length < shortest:
                shortest, shortest_at = length, self._clock()
            if (
                self._clock() - shortest_at >= self._stall_timeout_s
                or self._clock() - started_at >= self._max_wait_s
            ):
                break
        return length

    async def _poll_lengths(self) -> AsyncIterator[int]:
        while True:
            yield await self._queue.approximate_length()
            await asyncio.sleep(self._poll_interval_s)
