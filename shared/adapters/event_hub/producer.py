"""The SDK's producer, with a bound on every wait.

The SDK's time-outs hold on an open link only: on a connection that is accepted and never answered
it waits forever. A producer that did not answer in time is replaced by a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub import EventDataBatch
from azure.eventhub.aio import EventHubProducerClient

from shared.adapters.event_hub import errors
from shared.errors import DeliveryError
from shared.settings.settings import EventHubSettings
from shared.settings.timeouts import EventHubTimeouts

# Few: the queue retries, and a group delays every event in it. They share the time of the call.
_RETRY_OPTIONS: Final[dict[str, Any]] = {
    "retry_total": 1,
    "retry_backoff_factor": 0.2,
    "auth_timeout": 10,
}


def connect(
    settings: EventHubSettings, identity: Callable[[], AsyncTokenCredential]
) -> EventHubProducerClient:
    """A producer of the SDK, which connects with its first call."""
    options: dict[str, Any] = {"eventhub_name": settings.name, **_RETRY_OPTIONS}
    if settings.connection_string:
        return EventHubProducerClient.from_connection_string(settings.connection_string, **options)
    return EventHubProducerClient(settings.namespace or "", credential=identity(), **options)


class Producer:
    """One producer at a time, made on first use in the worker's event loop. Its calls raise
    DeliveryError.
    """

    def __init__(
        self,
        make_client: Callable[[], EventHubProducerClient],
        timeouts: EventHubTimeouts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_client = make_client
        self._timeouts = timeouts
        self._clock = clock
        self._client: EventHubProducerClient | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._silent_at: float | None = None  # when a link was silent; None: a batch was sent since

    def client(self) -> EventHubProducerClient:
        """The SDK's producer; a new one if there is none."""
        if self._client is None:
            self._client = self._make_client()
        return self._client

    async def reach(self) -> None:
        """Returns if the Event Hub answers on a new connection."""
        try:
            async with asyncio.timeout(self._timeouts.probe_s):
                await errors.translate_errors(self.client().get_eventhub_properties())
        except TimeoutError as error:
            raise errors.no_response_error(self._timeouts.probe_s) from error.with_traceback(None)

    async def new_batch(self) -> EventDataBatch:
        """An empty publication of the size that the link allows; opens the link."""
        return await self._within(self._timeouts.open_s, lambda client: client.create_batch())

    async def send_batch(self, batch: EventDataBatch) -> None:
        """Returns when the Event Hub has accepted the publication."""
        limit_s = self._timeouts.send_s
        await self._within(limit_s, lambda client: client.send_batch(batch, timeout=limit_s))
        self._silent_at = None

    def was_silent(self, within_s: float) -> bool:
        """Whether a link was silent, at most `within_s` ago, and nothing was accepted since."""
        return self._silent_at is not None and self._clock() - self._silent_at < within_s

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._replace(self._client)
        while self._closing:
            await asyncio.wait(self._closing)

    async def _within[T](
        self, limit_s: float, call: Callable[[EventHubProducerClient], Awaitable[T]]
    ) -> T:
        """The result of the call. After a time-out the next call gets a new producer."""
        client = self.client()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                return await errors.translate_errors(call(client))
        self._silent_at = self._clock()
        self._replace(client)
        # outside of a handler: the frames of the handled error would keep the SDK's connection open
        raise errors.no_response_error(limit_s)

    def _replace(self, client: EventHubProducerClient) -> None:
        """Close a producer beside everything else; the next call makes another one."""
        if self._client is client:
            self._client = None
            task = asyncio.create_task(self._close(client))
            self._closing.add(task)  # the event loop itself keeps only a weak reference
            task.add_done_callback(self._closing.discard)

    async def _close(self, client: EventHubProducerClient) -> None:
        with contextlib.suppress(TimeoutError, DeliveryError):
            async with asyncio.timeout(self._timeouts.close_s):
                await errors.translate_errors(client.close())
