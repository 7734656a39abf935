"""The Event Hub, written to in groups: whoever sends while a send is under way shares the next one.

One AMQP transfer costs a round trip whether it carries one event or hundreds; with group commit the
cost per event falls as the load rises, and nobody waits for a timer. `send` returns only after the
Event Hub accepted the event. A group that is refused for what it holds is sent again one by one, so
that an event answers for nothing but itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventDataSendError, EventHubError

from shared.errors import DeliveryError, EventRefused, EventTooLarge
from shared.settings.settings import EventHubSettings

# What a publication adds around an event's body: AMQP sections, message id, content type, batch
# framing. Measured below 300.
_OVERHEAD_BYTES: Final = 2048
# of one group; its messages become visible again and are delivered later
SEND_TIMEOUT_S: Final = 30.0

# Short: the queue is what retries, and a group holds up everybody who joined it.
_TRIES: Final[dict[str, Any]] = {"retry_total": 1, "retry_backoff_factor": 0.2, "auth_timeout": 10}

# Why a publication is refused for good, as EventHubError.error has it (the AMQP condition without
# what is before its first colon): AMQP 1.0 part 2, 2.8.15, and the service's own, of those that the
# SDK does not try again, without what concerns the hub, the link or the caller. What is not here
# (busy, quota, unauthorized, a lost link) passes.
_PERMANENT: Final = frozenset(
    {
        "decode-error",
        "invalid-field",
        "not-allowed",
        "not-implemented",
        "argument-error",
        "argument-out-of-range",
    }
)
_STILL_TOO_LARGE: Final = "an event is larger than the Event Hub takes, although it was cut to fit"
_TOO_LARGE: Final = "link:message-size-exceeded"

# the message ids of one publication; raises nothing
type OnAccepted = Callable[[Sequence[str]], Awaitable[None]]
type _Waiting = tuple[EventData, asyncio.Future[None]]


class EventHub:
    """Sends events; one producer per worker, made on first use in the worker's event loop."""

    def __init__(
        self,
        settings: EventHubSettings,
        identity: Callable[[], AsyncTokenCredential],
        *,
        accepted: OnAccepted | None = None,
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._accepted = accepted  # told of each publication, before those who wait for it
        self._settings = settings
        self._send_timeout_s = send_timeout_s
        self._identity = identity
        self._producer: EventHubProducerClient | None = None
        self._waiting: list[_Waiting] = []
        self._sending: asyncio.Task[None] | None = None
        self._limit_bytes: int | None = None
        self._asking: asyncio.Task[int] | None = None

    async def limit_bytes(self) -> int:
        """The largest event body that one publication takes, as the Event Hub's link says. Raises
        DeliveryError.
        """
        if self._limit_bytes is None:
            # One question for all who wait: while the Event Hub is down, the SDK would answer them
            # one after the other.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask_limit())
            self._limit_bytes = await asyncio.shield(self._asking)
        return self._limit_bytes

    async def _ask_limit(self) -> int:
        batch = await self._translated(self._open().create_batch())
        return int(batch.max_size_in_bytes) - _OVERHEAD_BYTES

    async def send(self, body: bytes, message_id: str) -> None:
        """Returns when the Event Hub has accepted the event. Raises DeliveryError when it has not.

        Raises EventTooLarge or EventRefused where it is this event that the Event Hub does not
        take.
        """
        event = EventData(body)
        event.message_id = message_id
        event.content_type = "application/json"
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, accepted))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_groups())
        await accepted

    async def probe(self) -> None:
        """Raises DeliveryError unless the event hub answers."""
        await self._translated(self._open().get_eventhub_properties())

    async def _send_groups(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await self._send_group(group)

    async def _send_group(self, group: list[_Waiting]) -> None:
        """Sends one full publication after the other. A failure concerns all that is left: the
        queue brings it again.
        """
        try:
            while group:
                batch = await self._translated(self._open().create_batch())
                count = _fill(batch, group)
                if count:
                    await self._publish(batch, group[:count])
                else:
                    _settle(group[:1], EventTooLarge(_STILL_TOO_LARGE))
                group = group[count or 1 :]
        except DeliveryError as error:
            _settle(group, error)
        except Exception as error:  # noqa: BLE001 - whatever the SDK met: who waits must hear of it, or waits for ever
            _settle(group, DeliveryError(f"the Event Hub's client failed: {type(error).__name__}"))

    async def _publish(self, batch: EventDataBatch, part: list[_Waiting]) -> None:
        """Sends the batch, which holds `part`. Raises DeliveryError where the failure is not the
        events'.
        """
        try:
            await self._translated(self._open().send_batch(batch, timeout=self._send_timeout_s))
        except (EventRefused, EventTooLarge) as error:
            if len(part) == 1:
                _settle(part, error)
                return
            for each in part:
                alone = await self._translated(self._open().create_batch())
                alone.add(each[0])
                await self._publish(alone, [each])
            return
        if self._accepted is not None:
            await self._accepted([str(event.message_id) for event, _ in part])
        _settle(part, None)

    def _open(self) -> EventHubProducerClient:
        if self._producer is None:
            options: dict[str, Any] = {"eventhub_name": self._settings.name, **_TRIES}
            if self._settings.connection_string:
                self._producer = EventHubProducerClient.from_connection_string(
                    self._settings.connection_string, **options
                )
            else:
                namespace = self._settings.namespace or ""
                self._producer = EventHubProducerClient(
                    namespace, credential=self._identity(), **options
                )
        return self._producer

    async def _translated[T](self, call: Awaitable[T]) -> T:
        try:
            return await call
        except EventDataSendError as error:
            raise _refusal(error) from error
        except (EventHubError, AzureError, OSError, TimeoutError) as error:
            raise DeliveryError(
                f"the Event Hub did not answer or refused: {type(error).__name__}"
            ) from error


def _refusal(error: EventDataSendError) -> DeliveryError:
    """What it means that a publication was answered, but not accepted. The service's words are left
    out: it may quote.
    """
    if error.error == _TOO_LARGE:
        return EventTooLarge(_STILL_TOO_LARGE)
    if error.error in _PERMANENT:
        return EventRefused(f"the Event Hub refused the event for good: {error.error}")
    return DeliveryError(f"the Event Hub refused: {error.error}")


def _fill(batch: EventDataBatch, group: list[_Waiting]) -> int:
    """Adds events until the batch is full; how many it took."""
    for index, (event, _) in enumerate(group):
        try:
            batch.add(event)
        except ValueError:  # the batch would exceed the link's limit
            return index
    return len(group)


def _settle(group: list[_Waiting], error: DeliveryError | None) -> None:
    for _, accepted in group:
        if accepted.done():  # its invocation was cancelled
            continue
        if error is None:
            accepted.set_result(None)
        else:
            accepted.set_exception(error)
