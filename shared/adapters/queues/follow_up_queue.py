"""The Storage queue of follow-ups. The deployment creates the queue, never the app.

No function is bound to the queue: the scaler of a queue trigger counts the messages that are hidden
until later, and would add instances for responses that are not due. A timer takes the messages that
are due.
"""

from __future__ import annotations

import base64
import binascii
import functools
from typing import Final

from azure.storage.queue.aio import QueueClient

from shared.adapters.storage.account import StorageAccount
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import QUEUE, FollowUp, QueuedFollowUp

# A message that is not taken expires, because the app was stopped for so long or follows no more
# responses. This is longer than the longest wait and an outage of some days.
MESSAGE_TTL_S: Final = 8 * 86_400


class FollowUpQueue:
    """Holds follow-ups, each hidden until it is due, as a FollowUpStore."""

    def __init__(self, storage: StorageAccount) -> None:
        self._storage = storage

    @functools.cached_property
    def _queue(self) -> QueueClient:
        return self._storage.queue(QUEUE)

    async def add(self, follow_up: FollowUp, wait_s: int) -> None:
        text = follow_ups.dump(follow_up)
        await self._storage.direct.put_message(QUEUE, text, wait_s, ttl_s=MESSAGE_TTL_S)

    async def take(self, count: int, visibility_timeout_s: int) -> list[QueuedFollowUp]:
        """One Get Messages, which returns 32 at most."""
        pages = self._queue.receive_messages(
            messages_per_page=count, visibility_timeout=visibility_timeout_s, max_messages=count
        ).by_page()
        async with self._storage.call():
            page = await anext(pages, None)
            messages = [message async for message in page] if page is not None else []
        return [
            QueuedFollowUp(
                body=_decode(message.content),
                message_id=message.id,
                pop_receipt=message.pop_receipt or "",
                tries=message.dequeue_count or 1,
            )
            for message in messages
        ]

    async def postpone(self, message: QueuedFollowUp, follow_up: FollowUp, wait_s: int) -> None:
        """One Update Message."""
        async with self._storage.call():
            await self._queue.update_message(
                message.message_id,
                message.pop_receipt,
                content=follow_ups.dump(follow_up),
                visibility_timeout=wait_s,
            )

    async def remove(self, message: QueuedFollowUp) -> None:
        async with self._storage.call():
            await self._queue.delete_message(message.message_id, message.pop_receipt)


def _decode(text: str) -> bytes:
    """A message's text. One that is not Base64, so not the app's, is returned as it is."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()
