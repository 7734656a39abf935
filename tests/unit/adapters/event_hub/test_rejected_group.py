"""A group that the Event Hub rejects for its content: its events are sent again one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from azure.eventhub import EventDataBatch
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventDataSendError

from shared.adapters.event_hub.sender import EventSender, OnAccepted
from shared.core.records.exchange.digests import AcceptedEvent
from shared.errors import DeliveryError, EventRejected
from shared.settings.settings import EventHubSettings
from tests.support.no_identity import no_identity

pytestmark = pytest.mark.anyio


def rejection() -> EventDataSendError:
    error = EventDataSendError("no")
    error.error = "not-allowed"
    return error


class ScriptedProducer(EventHubProducerClient):
    """The SDK's producer, whose publications end as they are listed; None: accepted."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self._outcomes = iter(outcomes)

    async def create_batch(self, **_: Any) -> EventDataBatch:
        return EventDataBatch(max_size_in_bytes=1024 * 1024)

    async def send_batch(self, *_: Any, **__: Any) -> None:
        outcome = next(self._outcomes)
        if outcome is not None:
            raise outcome


def event_hub_of(producer: ScriptedProducer, on_accepted: OnAccepted | None = None) -> EventSender:
    settings = EventHubSettings(connection_string="Endpoint=…", namespace=None, name="hub")
    return EventSender(settings, no_identity, on_accepted=on_accepted, make_client=lambda: producer)


def begin_sends(event_hub: EventSender, *ids: str) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(event_hub.send(b"{}", exchange_id)) for exchange_id in ids]


async def result_types(sends: Sequence[asyncio.Task[None]]) -> list[type[object]]:
    async with asyncio.timeout(20):
        return [type(result) for result in await asyncio.gather(*sends, return_exceptions=True)]


async def test_the_event_at_fault_fails_alone() -> None:
    event_hub = event_hub_of(ScriptedProducer(rejection(), None, rejection(), None))
    sends = begin_sends(event_hub, "a", "b", "c")
    assert await result_types(sends) == [type(None), EventRejected, type(None)]


async def test_an_accepted_event_does_not_fail_with_a_later_one() -> None:
    """The Event Hub goes away after the first one, and the ledger is still being written. A
    failure would have the accepted event sent again.
    """
    accepted: list[str] = []
    ledger = asyncio.Event()

    async def on_accepted(events: Sequence[AcceptedEvent]) -> None:
        accepted.extend(event.exchange_id for event in events)
        await ledger.wait()

    event_hub = event_hub_of(ScriptedProducer(rejection(), None, OSError()), on_accepted)
    sends = begin_sends(event_hub, "a", "b", "c")
    assert await result_types(sends[1:]) == [DeliveryError] * 2
    assert not sends[0].done()
    ledger.set()
    assert await result_types(sends[:1]) == [type(None)]
    assert accepted == ["a"]
