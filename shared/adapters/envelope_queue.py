"""The Storage queue of envelopes. The deployment creates the queue, never the app."""

from __future__ import annotations

import functools
from typing import Final

from azure.storage.queue.aio import QueueClient

from shared.adapters.storage import Storage
from shared.core.records.envelope import Envelope, dump

QUEUE: Final = "envelopes"
POISON_QUEUE: Final = "envelopes-poison"  # the host's name for what it gave up


class EnvelopeQueue:
    """Puts envelopes on the queue that triggers enrichment."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @functools.cached_property
    def _queue(self) -> QueueClient:
        return self._storage.queue(QUEUE)

    async def put(self, envelope: Envelope, wait_s: int = 0) -> None:
        """Queue an envelope, visible after `wait_s` seconds. Raises StorageError."""
        await self._storage.direct.put_message(QUEUE, dump(envelope), wait_s)

    async def approximate_length(self) -> int:
        """Messages on the queue, including those that are worked on or wait for another try.
        Raises StorageError.
        """
        async with self._storage.call():
            properties = await self._queue.get_queue_properties()
        return properties.approximate_message_count or 0

    async def probe(self) -> None:
        """Raises StorageError unless the queue can be reached."""
        async with self._storage.call():
            await self._queue.get_queue_properties()
