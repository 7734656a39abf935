"""Envelopes share a message while storage is slower than they come."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from harness.sample_envelope import sample_envelope
from shared.adapters.queues.envelope_queue import EnvelopeQueue, GroupedEnvelopes
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.queue import envelope_message
from shared.errors import StorageError
from tests.integration.support.azurite import sample_storage
from tests.integration.support.tiny_server import Connection, serving

pytestmark = pytest.mark.anyio

ENVELOPES = [sample_envelope(deployment=f"gpt-{number}") for number in range(12)]


@dataclass
class QueueService:
    """Takes messages; answers the first `held` of them only once `gate` is open."""

    held: int = 0
    status: bytes = b"201 Created"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    messages: list[list[Envelope]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, client: Connection) -> None:
        while True:
            text = re.search(rb"<MessageText>(.*)</MessageText>", await client.request())
            assert text is not None
            async with self.arrived:
                self.messages.append(envelope_message.load(base64.b64decode(text[1])))
                held = len(self.messages) <= self.held
                self.arrived.notify_all()
            if held:
                await self.gate.wait()
            await client.say(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % self.status)

    async def until_arrived(self, count: int) -> None:
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: len(self.messages) >= count)


@contextlib.asynccontextmanager
async def sample_queue(service: QueueService) -> AsyncIterator[GroupedEnvelopes]:
    async with serving(service.serve) as server:
        address = f"http://127.0.0.1:{server.port}/account"
        storage = sample_storage(
            f"AccountName=account;AccountKey=a2V5;BlobEndpoint={address};QueueEndpoint={address}"
        )
        try:
            yield GroupedEnvelopes(EnvelopeQueue(storage))
        finally:
            await storage.aclose()


async def test_a_lone_envelope_has_its_own_message() -> None:
    service = QueueService()
    async with sample_queue(service) as queue:
        for envelope in ENVELOPES[:3]:
            await queue.put(envelope)
    assert service.messages == [[envelope] for envelope in ENVELOPES[:3]]


async def test_puts_under_way_group_the_next_message() -> None:
    """Each is queued when its message is."""
    service = QueueService(held=2)
    async with sample_queue(service) as queue:
        puts = []
        for number, envelope in enumerate(ENVELOPES):
            puts.append(asyncio.create_task(queue.put(envelope)))
            await service.until_arrived(min(number + 1, 2))
        assert not any(put.done() for put in puts)
        service.gate.set()
        await asyncio.wait_for(asyncio.gather(*puts), 20)
    assert service.messages == [ENVELOPES[:1], ENVELOPES[1:2], ENVELOPES[2:]]


async def test_a_put_without_a_response() -> None:
    """It does not hold up the others."""
    service = QueueService(held=1)
    async with sample_queue(service) as queue:
        silent = asyncio.create_task(queue.put(ENVELOPES[0]))
        await service.until_arrived(1)
        for envelope in ENVELOPES[1:]:
            await asyncio.wait_for(queue.put(envelope), 20)
        assert not silent.done()
        service.gate.set()
        await asyncio.wait_for(silent, 20)


async def test_all_envelopes_of_a_message_that_is_refused_fail() -> None:
    service = QueueService(status=b"403 Forbidden")
    async with sample_queue(service) as queue:
        results = await asyncio.gather(
            *(queue.put(envelope) for envelope in ENVELOPES), return_exceptions=True
        )
    assert [type(result) for result in results] == [StorageError] * len(ENVELOPES)
    assert {result.status for result in results if isinstance(result, StorageError)} == {403}


async def test_who_stops_waiting_costs_the_others_nothing() -> None:
    service = QueueService(held=2)
    async with sample_queue(service) as queue:
        puts = [asyncio.create_task(queue.put(envelope)) for envelope in ENVELOPES]
        await service.until_arrived(1)
        puts[1].cancel()
        service.gate.set()
        results = await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), 20)
    assert [result for result in results if result is not None] == [results[1]]
    assert isinstance(results[1], asyncio.CancelledError)
