"""Measures backlogs: messages on the queue, and exchanges that this worker has not recorded yet."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from shared.core.telemetry import conventions as names
from shared.core.telemetry.conventions import Instrument
from shared.core.telemetry.metrics import MetricPoint
from shared.errors import StorageError
from shared.ports.destinations import CollectorExport
from shared.ports.queues import QueueLength

_log = logging.getLogger("fnsse.telemetry")

INTERVAL_S: Final = 30.0  # each measurement costs two calls of storage


class Backlog:
    """The gauges of one worker."""

    def __init__(
        self,
        collector: CollectorExport,
        queue: QueueLength,
        *,
        capture_bytes: Callable[[], int],
        outcomes: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`capture_bytes`, `outcomes`: how many of them wait for storage in this worker."""
        self._collector = collector
        self._queue = queue
        self._capture_bytes = capture_bytes
        self._outcomes = outcomes
        self._clock = clock
        self._now = now
        self._next_at = 0.0
        self._measuring: asyncio.Task[None] | None = None

    def measure_soon(self) -> None:
        """Measure beside everything else, unless that was done within the interval."""
        now = self._clock()
        if now < self._next_at or (self._measuring is not None and not self._measuring.done()):
            return
        self._next_at = now + INTERVAL_S
        self._measuring = asyncio.create_task(self._measure())

    async def _measure(self) -> None:
        self._set(names.CAPTURES_WAITING, self._capture_bytes())
        self._set(names.OUTCOMES_WAITING, self._outcomes())
        try:
            length, oldest_at = await asyncio.gather(
                self._queue.approximate_length(), self._queue.oldest_at()
            )
        except StorageError as error:
            _log.warning("The queue of envelopes could not be measured: %s", error)
            return
        age_s = 0.0 if oldest_at is None else (self._now() - oldest_at).total_seconds()
        self._set(names.QUEUE_MESSAGES, length)
        self._set(names.QUEUE_AGE, max(age_s, 0.0))

    def _set(self, gauge: Instrument, value: int | float) -> None:
        self._collector.add(MetricPoint(instrument=gauge, value=value, attributes={}))
