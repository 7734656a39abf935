"""Delivers the envelopes of one message of the queue.

They are delivered side by side, and the message is done when all of them are. If the queue
delivered the message again because of one envelope, the others would have two events. So an
envelope that failed is queued again in a message of its own, whose tries the queue counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shared.core.records.exchange.envelope import Envelope, mark_requeued
from shared.core.records.queue import envelope_message
from shared.enrichment.event_delivery import MessageMetadata
from shared.ports.queues import DelayedEnvelopeSink

_log = logging.getLogger("fnsse.enrichment")

RETRY_AFTER_S: Final = 30  # as host.json's visibilityTimeout


class MessageHandler:
    """Handles the messages of the envelope queue."""

    def __init__(
        self,
        deliver: Callable[[Envelope, MessageMetadata | None], Awaitable[None]],
        queue: DelayedEnvelopeSink,
    ) -> None:
        """`deliver` returns when the envelope needs no other try, and raises if it does."""
        self._deliver = deliver
        self._queue = queue

    async def handle(self, body: bytes, message: MessageMetadata | None = None) -> None:
        """Returns when no envelope of the message needs it any more. Raises EnvelopeError,
        AssemblyError, DeliveryError or StorageError; the queue then delivers the message again.
        """
        envelopes = envelope_message.load(body)
        if len(envelopes) == 1:
            await self._deliver(envelopes[0], message)
            return
        failures = await self._deliver_all(envelopes, message)
        if len(failures) == len(envelopes):  # a repeated message gives none of them two events
            raise failures[0][1]
        for envelope, error in failures:
            await self._queue.put_later(mark_requeued(envelope, "retry"), RETRY_AFTER_S)
            _log.warning(
                "Exchange %s could not be delivered with others, and is queued alone: %s",
                envelope.exchange_id,
                error,
            )

    async def _deliver_all(
        self, envelopes: Sequence[Envelope], message: MessageMetadata | None
    ) -> list[tuple[Envelope, BaseException]]:
        """The envelopes that could not be delivered, each with its error."""
        results = await asyncio.gather(
            *(self._deliver(envelope, message) for envelope in envelopes),
            return_exceptions=True,
        )
        pairs = zip(envelopes, results, strict=True)
        return [(envelope, error) for envelope, error in pairs if error is not None]
