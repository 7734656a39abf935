"""The Storage queue of envelopes. The deployment creates the queue, never the app."""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime
from typing import Final

from azure.storage.queue.aio import QueueClient

from shared.adapters.storage.account import Storage
from shared.concurrency.futures import complete_each
from shared.core.records.exchange.envelope import Envelope, dump
from shared.core.records.queue import envelope_message
from shared.core.records.queue.envelope_message import QUEUE
from shared.errors import StorageError

# More than one, so that a put without a response does not hold up every other envelope.
_CONCURRENT_PUTS: Final = 2

type _PendingEnvelope = tuple[str, asyncio.Future[None]]


class EnvelopeQueue:
    """Puts envelopes on the queue that triggers enrichment, or on its poison queue."""

    def __init__(self, storage: Storage, name: str = QUEUE) -> None:
        self._storage = storage
        self._name = name

    @functools.cached_property
    def _queue(self) -> QueueClient:
        return self._storage.queue(self._name)

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope. Raises StorageError."""
        await self.put_later(envelope, 0)

    async def put_later(self, envelope: Envelope, wait_s: int) -> None:
        """Queue an envelope, visible after `wait_s` seconds. Raises StorageError."""
        await self.put_message(dump(envelope), wait_s)

    async def put_message(self, text: str, wait_s: int = 0) -> None:
        """Queue a message of one or more envelopes. Raises StorageError."""
        await self._storage.direct.put_message(self._name, text, wait_s)

    async def approximate_length(self) -> int:
        """Messages on the queue, including those that are worked on or wait for another try.
        Raises StorageError.
        """
        async with self._storage.call():
            properties = await self._queue.get_queue_properties()
        return properties.approximate_message_count or 0

    async def oldest_at(self) -> datetime | None:
        """When the first message that waits was queued; None if none waits. Raises StorageError."""
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
    the slower it is; nobody waits for a timer. Each message costs the account three calls (put,
    get, delete), however many envelopes it holds.
    """

    def __init__(self, queue: EnvelopeQueue) -> None:
        self._queue = queue
        self._pending: list[_PendingEnvelope] = []
        self._puts: list[asyncio.Task[None]] = []

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope, perhaps in one message with others. Raises StorageError."""
        queued: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((dump(envelope), queued))
        self._puts = [put for put in self._puts if not put.done()]
        if len(self._puts) < _CONCURRENT_PUTS:
            self._puts.append(asyncio.create_task(self._put_pending()))
        await queued

    async def _put_pending(self) -> None:
        while self._pending:
            text, count = envelope_message.pack([text for text, _ in self._pending])
            group, self._pending = self._pending[:count], self._pending[count:]
            await self._put_group(text, group)

    async def _put_group(self, text: str, group: list[_PendingEnvelope]) -> None:
        try:
            await self._queue.put_message(text)
        except StorageError as error:
            _resolve(group, error)
        except Exception as error:  # noqa: BLE001 - a bug: the senders would wait forever otherwise
            _resolve(group, StorageError(f"the queue's client failed: {type(error).__name__}"))
        else:
            _resolve(group, None)


def _resolve(group: list[_PendingEnvelope], error: StorageError | None) -> None:
    complete_each((queued for _, queued in group), error, _copy)


def _copy(error: StorageError) -> StorageError:
    return StorageError(str(error), status=error.status, code=error.code)
