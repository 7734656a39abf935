"""Every failure of the Event Hub's client is remembered, so that operators see that no event gets
through.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NoReturn

import pytest
from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from shared.adapters.event_hub.sender import EventSender
from shared.errors import DeliveryError
from shared.settings.settings import EventHubSettings

pytestmark = pytest.mark.anyio


class FailingProducer(EventHubProducerClient):
    """The SDK's producer, whose link cannot be opened."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def create_batch(self, **_: object) -> NoReturn:
        raise self._failure


def failing_event_hub(failure: Exception) -> EventSender:
    """An Event Hub that takes no event."""
    settings = EventHubSettings(connection_string=None, namespace="x", name="hub")
    return EventSender(settings, no_identity, make_client=lambda: FailingProducer(failure))


def no_identity() -> AsyncTokenCredential:
    raise AssertionError("no producer is made")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (EventHubError("secret"), "the Event Hub did not answer or refused: EventHubError"),
        (AuthenticationError("secret"), "the Event Hub refused the app's credentials"),
        (KeyError("secret"), "the Event Hub's client failed: KeyError"),
    ],
    ids=["an error of the Event Hub", "a missing role", "a bug of the SDK"],
)
async def test_an_event_that_cannot_be_sent_is_a_failure(failure: Exception, reason: str) -> None:
    event_hub = failing_event_hub(failure)
    with pytest.raises(DeliveryError):
        await event_hub.send(b"{}", "id")
    assert event_hub.acceptance.error == reason
    assert event_hub.acceptance.degradation(datetime.now(UTC)) is not None


async def test_a_link_that_never_opened_is_a_failure() -> None:
    """A worker asks for the largest event before it sends its first one: it may never get further,
    for instance without the right to send.
    """
    event_hub = failing_event_hub(EventHubError("no"))
    with pytest.raises(DeliveryError):
        await event_hub.limit_bytes()
    assert event_hub.acceptance.degradation(datetime.now(UTC)) is not None
