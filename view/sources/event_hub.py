"""The Event Hub's events, received by the SDK's consumer from all partitions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.core.exceptions import ClientAuthenticationError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError

from shared.core.wire.json.json_shape import JsonObject, parse_object
from view.exchange.received_event import ReceivedEvent
from view.options import EventHubAddress
from view.sources.credentials import identity

_AGAIN_AFTER_S: Final = 5
_BATCH: Final = 300
_WAIT_S: Final = 0.2  # for a batch to become full
_FROM_THE_START: Final = "-1"

type OnEvents = Callable[[Sequence[ReceivedEvent], Mapping[str, int]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedState:
    """The state of the consumer."""

    state: str  # connecting | receiving | failed
    error: str | None  # what failed, and the remedy
    received: int  # events since the start
    last_at: str | None  # when the last event was received, UTC, ISO 8601


class EventFeed:
    """Receives from all partitions, and begins again after every failure."""

    def __init__(
        self,
        address: EventHubAddress,
        on_events: OnEvents,
        *,
        positions: Mapping[str, int],
        since_minutes: float | None,
    ) -> None:
        """`on_events` takes the events of one partition, in order, and the sequence number of the
        last. `positions`: sequence numbers after which partitions are read; for the others
        `since_minutes` says how old events may be, None: all.
        """
        # the SDK logs every reconnect as a warning
        logging.getLogger("azure.eventhub").setLevel(logging.ERROR)
        self._address = address
        self._on_events = on_events
        self._positions = dict(positions)
        self._since_minutes = since_minutes
        self.state = FeedState(state="connecting", error=None, received=0, last_at=None)

    async def run(self) -> None:
        """Receive until it is cancelled."""
        while True:
            try:
                async with self._client() as client:
                    await self._receive(client)
            except (EventHubError, ClientAuthenticationError, OSError, ValueError) as error:
                self._fail(error)
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _receive(self, client: EventHubConsumerClient) -> None:
        partitions = await client.get_partition_ids()
        self.state = replace(self.state, state="receiving", error=None)
        await client.receive_batch(
            self._on_batch,
            max_batch_size=_BATCH,
            max_wait_time=_WAIT_S,
            on_error=self._on_error,
            starting_position={name: self._start(name) for name in partitions},
        )

    def _start(self, partition: str) -> str | int | datetime:
        if partition in self._positions:
            return self._positions[partition]
        if self._since_minutes is None:
            return _FROM_THE_START
        return datetime.now(UTC) - timedelta(minutes=self._since_minutes)

    async def _on_batch(self, context: PartitionContext, batch: list[EventData]) -> None:
        if not batch:
            return
        number = batch[-1].sequence_number
        positions = {context.partition_id: number} if number is not None else {}
        self._positions |= positions
        await self._on_events([_to_received_event(event) for event in batch], positions)
        self.state = FeedState(
            state="receiving",
            error=None,
            received=self.state.received + len(batch),
            last_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )

    async def _on_error(self, _context: PartitionContext | None, error: Exception) -> None:
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.state = replace(self.state, state="failed", error=remedy(error, self._address))

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[EventHubConsumerClient]:
        address = self._address
        if address.connection_string:
            async with EventHubConsumerClient.from_connection_string(
                address.connection_string, address.consumer_group, eventhub_name=address.name
            ) as client:
                yield client
            return
        credential = identity()
        async with (
            credential,
            EventHubConsumerClient(
                address.namespace or "", address.name or "", address.consumer_group, credential
            ) as client,
        ):
            yield client


def remedy(error: Exception, address: EventHubAddress) -> str:
    """The problem and its remedy, without anything secret."""
    text = str(error)
    hub = address.name or "the Event Hub"
    if "messaging entity" in text.lower() and "could not be found" in text.lower():
        return (
            f"{hub} has no consumer group {address.consumer_group}, or does not exist. Make one for the view: "
            f"az eventhubs eventhub consumer-group create --eventhub-name {hub} --name {address.consumer_group} "
            "--namespace-name … --resource-group …, or name another with --consumer-group"
        )
    if isinstance(error, AuthenticationError | ClientAuthenticationError):
        return (
            f"{hub} refused the view's credentials: the role Azure Event Hubs Data Receiver is needed, and `az login`, "
            "or a connection string with the right Listen"
        )
    if isinstance(error, ConnectError | OSError):
        return f"{hub} cannot be reached: check AZURE_EVENTHUB_NAMESPACE, and whether its network lets this machine in"
    return f"{hub} cannot be read: {type(error).__name__}"


def _to_received_event(event: EventData) -> ReceivedEvent:
    time = event.enqueued_time
    return ReceivedEvent(
        event=_body(event),
        enqueued_ms=None if time is None else round(time.timestamp() * 1000),
    )


def _body(event: EventData) -> JsonObject:
    try:
        return parse_object(event.body_as_str())
    except (TypeError, UnicodeDecodeError):  # another producer's event on a shared hub
        return {}
