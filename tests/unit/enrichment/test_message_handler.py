"""Envelopes that share a message: none of them costs another one its event, or gives it a second
one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from harness.sample_envelope import sample_envelope
from shared.core.records.exchange.envelope import Envelope, dump, mark_requeued
from shared.core.records.queue import envelope_message
from shared.enrichment.event_delivery import MessageMetadata
from shared.enrichment.message_handler import RETRY_AFTER_S, MessageHandler
from shared.errors import DeliveryError, EnvelopeError, StorageError

pytestmark = pytest.mark.anyio

ENVELOPES = [sample_envelope(deployment=name) for name in ("first", "second", "third")]
MESSAGE = envelope_message.pack([dump(envelope) for envelope in ENVELOPES]).encode()


@dataclass
class FakeDelivery:
    """Delivers every deployment that is not `failing`."""

    failing: set[str] = field(default_factory=set)
    delivered: list[Envelope] = field(default_factory=list)
    together: asyncio.Barrier | None = None

    async def deliver(self, envelope: Envelope, message: MessageMetadata | None = None) -> None:
        if self.together is not None:
            await asyncio.wait_for(self.together.wait(), 20)
        if envelope.deployment in self.failing:
            raise DeliveryError("not now")
        self.delivered.append(envelope)


@dataclass
class FakeRetryQueue:
    """Holds the envelopes that are queued again, each with its wait."""

    is_down: bool = False
    queued: list[tuple[Envelope, int]] = field(default_factory=list)

    async def put_later(self, envelope: Envelope, wait_s: int) -> None:
        if self.is_down:
            raise StorageError("not now")
        self.queued.append((envelope, wait_s))


async def test_all_envelopes_of_a_message_are_delivered_side_by_side() -> None:
    delivery, queue = FakeDelivery(together=asyncio.Barrier(3)), FakeRetryQueue()
    await MessageHandler(delivery.deliver, queue).handle(MESSAGE)
    assert sorted(delivery.delivered, key=ENVELOPES.index) == ENVELOPES
    assert not queue.queued


async def test_one_that_fails_is_queued_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The message is done, so the others get no second event."""
    delivery, queue = FakeDelivery(failing={"second"}), FakeRetryQueue()
    await MessageHandler(delivery.deliver, queue).handle(MESSAGE)
    assert delivery.delivered == [ENVELOPES[0], ENVELOPES[2]]
    assert queue.queued == [(mark_requeued(ENVELOPES[1], "retry"), RETRY_AFTER_S)]
    assert ENVELOPES[1].exchange_id in caplog.text


async def test_if_all_fail_the_queue_delivers_the_message_again() -> None:
    """An outage of the Event Hub costs no further messages."""
    delivery, queue = FakeDelivery(failing={"first", "second", "third"}), FakeRetryQueue()
    with pytest.raises(DeliveryError):
        await MessageHandler(delivery.deliver, queue).handle(MESSAGE)
    assert not queue.queued


async def test_one_alone_that_fails_is_delivered_again_by_the_queue() -> None:
    delivery, queue = FakeDelivery(failing={"first"}), FakeRetryQueue()
    with pytest.raises(DeliveryError):
        await MessageHandler(delivery.deliver, queue).handle(dump(ENVELOPES[0]).encode())
    assert not queue.queued


async def test_a_failed_requeue_loses_nothing() -> None:
    """The message comes again, at the price of second events."""
    delivery, queue = FakeDelivery(failing={"second"}), FakeRetryQueue(is_down=True)
    with pytest.raises(StorageError):
        await MessageHandler(delivery.deliver, queue).handle(MESSAGE)


async def test_what_is_not_an_envelope_raises() -> None:
    with pytest.raises(EnvelopeError):
        await MessageHandler(FakeDelivery().deliver, FakeRetryQueue()).handle(b"nonsense")
