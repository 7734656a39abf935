"""The Storage queue of envelopes. The deployment creates the queue, never the app."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Final

from azure.storage.queue.aio import QueueClient

from shared.adapters.storage.account import StorageAccount
from shared.adapters.storage.errors import error_for_caller
from shared.concurrency.group_commit import GroupCommit, PendingItem
from shared.core.records.exchange.envelope import Envelope, dump
from shared.core.records.queue import envelope_message
from shared.core.records.queue.envelope_message import QUEUE

# More than one, so that a put without a response does not hold up every other envelope.
CONCURRENT_PUTS: Final = 2


class EnvelopeQueue:
    """Puts envelopes on the queue that triggers enrichment, or on its poison queue: the ports of
    shared/ports/queues.py.
    """

    def __init__(self, storage: StorageAccount, name: str = QUEUE) -> None:
        self._storage = storage
        self._name = name

    @functools.cached_property
    def _queue(self) -> QueueClient:
        return self._storage.queue(self._name)

    async def put(self, envelope: Envelope) -> None:
        await self.put_later(envelope, 0)

    async def put_later(self, envelope: Envelope, wait_s: int) -> None:
        await self.put_message(dump(envelope), wait_s)

    async def put_message(self, text: str, wait_s: int = 0) -> None:
        """Queue a message of one or more envelopes. Raises StorageError."""
        await self._storage.direct.put_message(self._name, text, wait_s)

    async def approximate_length(self) -> int:
        async with self._storage.call():
            properties = await self._queue.get_queue_properties()
        return properties.approximate_message_count or 0

    async def oldest_at(self) -> datetime | None:
        """Peek Messages returns no message that is hidden."""
        async with self._storage.call():
            messages = await self._queue.peek_messages(1)
        return messages[0].inserted_on if messages else None

    async def probe(self) -> None:
        """Raises StorageError unless the queue can be reached."""
        async with self._storage.call():
            await self._queue.get_queue_properties()


class GroupedEnvelopes:
    """Puts envelopes on the queue in groups: those that come while two puts are under way share the
    next message.

    A message holds one envelope as long as storage answers faster than they come, and more of them
    the slower it is. Each message costs the account three calls (put, get, delete), however many
    envelopes it holds.
    """

    def __init__(self, queue: EnvelopeQueue, *, concurrent_puts: int = CONCURRENT_PUTS) -> None:
        self._queue = queue
        self._puts = GroupCommit(
            self._put_group,
            functools.partial(error_for_caller, client="queue"),
            group_size=envelope_message.count_fitting,
            concurrency=concurrent_puts,
        )

    async def put(self, envelope: Envelope) -> None:
        await self._puts.put(dump(envelope))

    async def _put_group(self, group: list[PendingItem[str]]) -> None:
        await self._queue.put_message(envelope_message.pack([pending.value for pending in group]))
