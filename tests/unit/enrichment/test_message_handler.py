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
MESSAGE = envelope_message.pack([dump(envelope) for envelope in ENVELOPES])[0].encode()


@dataclass
class DeliverySetup:
    """Delivers every deployment that is not `failing`; keeps what is queued again."""

    failing: set[str] = field(default_factory=set)
    queue_is_down: bool = False
    delivered: list[Envelope] = field(default_factory=list)
    queued: list[tuple[Envelope, int]] = field(default_factory=list)
    together: asyncio.Barrier | None = None

    async def deliver(self, envelope: Envelope, message: MessageMetadata | None = None) -> None:
        if self.together is not None:
            await asyncio.wait_for(self.together.wait(), 20)
        if envelope.deployment in self.failing:
            raise DeliveryError("not now")
        self.delivered.append(envelope)

    async def put_later(self, envelope: Envelope, wait_s: int) -> None:
        if self.queue_is_down:
            raise StorageError("not now")
        self.queued.append((envelope, wait_s))

    async def handle(self, message: bytes) -> None:
        await MessageHandler(self, self).handle(message)


async def test_all_envelopes_of_a_message_are_delivered_side_by_side() -> None:
    setup = DeliverySetup(together=asyncio.Barrier(3))
    await setup.handle(MESSAGE)
    assert sorted(setup.delivered, key=ENVELOPES.index) == ENVELOPES
    assert not setup.queued


async def test_one_that_fails_is_queued_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The message is done, so the others get no second event."""
    setup = DeliverySetup(failing={"second"})
    await setup.handle(MESSAGE)
    assert setup.delivered == [ENVELOPES[0], ENVELOPES[2]]
    assert setup.queued == [(mark_requeued(ENVELOPES[1], "retry"), RETRY_AFTER_S)]
    assert ENVELOPES[1].exchange_id in caplog.text


async def test_if_all_fail_the_queue_delivers_the_message_again() -> None:
    """An outage of the Event Hub costs no further messages."""
    setup = DeliverySetup(failing={"first", "second", "third"})
    with pytest.raises(DeliveryError):
        await setup.handle(MESSAGE)
    assert not setup.queued


async def test_one_alone_that_fails_is_delivered_again_by_the_queue() -> None:
    setup = DeliverySetup(failing={"first"})
    with pytest.raises(DeliveryError):
        await setup.handle(dump(ENVELOPES[0]).encode())
    assert not setup.queued


async def test_a_failed_requeue_loses_nothing() -> None:
    """The message comes again, at the price of second events."""
    setup = DeliverySetup(failing={"second"}, queue_is_down=True)
    with pytest.raises(StorageError):
        await setup.handle(MESSAGE)


async def test_what_is_not_an_envelope_raises() -> None:
    with pytest.raises(EnvelopeError):
        await DeliverySetup().handle(b"nonsense")
