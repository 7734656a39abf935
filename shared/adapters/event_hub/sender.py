"""The Event Hub, written to in groups: events that come while a send is under way share the next
one.

One AMQP transfer costs a round trip whether it carries one event or hundreds; with group commit the
cost per event falls as the load rises, and nobody waits for a timer. `send` returns only after the
Event Hub accepted the event. A group that is refused for its content is sent again one by one, so
that only the event at fault fails.

Every wait has a bound of its own, because the SDK's time-outs hold on an open link only: on a
connection that is accepted and never answered it waits forever, and with it every event of the
worker. What did not answer in time is replaced by a new producer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.aio import EventHubProducerClient

from shared.adapters.event_hub import errors
from shared.concurrency.futures import complete_each
from shared.core.records.delivery.acceptance import Acceptance
from shared.core.records.exchange.digests import NO_DIGESTS, AcceptedEvent, Digests
from shared.errors import DeliveryError, EventRejected, EventTooLarge
from shared.settings.settings import EventHubSettings
from shared.settings.timeouts import EventHubTimeouts

# What a publication adds around an event's body: AMQP sections, message id, content type, batch
# framing. Measured below 300.
_OVERHEAD_BYTES: Final = 2048
# Few: the queue retries, and a group delays every event in it. They share the time of the call.
_RETRY_OPTIONS: Final[dict[str, Any]] = {
    "retry_total": 1,
    "retry_backoff_factor": 0.2,
    "auth_timeout": 10,
}

# Called with the events of one publication. Does not raise.
type OnAccepted = Callable[[Sequence[AcceptedEvent]], Awaitable[None]]


class _Waiting(NamedTuple):
    event: EventData
    accepted: asyncio.Future[None]
    digests: Digests


class EventHub:
    """Sends events; one producer per worker, made on first use in the worker's event loop."""

    def __init__(
        self,
        settings: EventHubSettings,
        identity: Callable[[], AsyncTokenCredential],
        *,
        accepted: OnAccepted | None = None,
        timeouts: EventHubTimeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accepted = accepted  # called for each publication, before its senders go on
        self._settings = settings
        self._timeouts = timeouts or EventHubTimeouts()
        self._clock = clock
        self._identity = identity
        self._producer: EventHubProducerClient | None = None
        self._waiting: list[_Waiting] = []
        self._sending: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._limit_bytes: int | None = None
        self._limit_request: asyncio.Task[int] | None = None
        self._silent_at: float | None = None  # see `probe`
        self.acceptance = Acceptance()

    async def limit_bytes(self) -> int:
        """The largest event body that one publication takes, as the Event Hub's link says. Raises
        DeliveryError.
        """
        if self._limit_bytes is None:
            # One request for all callers: while the Event Hub is down, the SDK would let them fail
            # one after the other.
            if self._limit_request is None or self._limit_request.done():
                self._limit_request = asyncio.create_task(self._request_limit())
            self._limit_bytes = await asyncio.shield(self._limit_request)
        return self._limit_bytes

    async def _request_limit(self) -> int:
        try:
            return int((await self._new_batch()).max_size_in_bytes) - _OVERHEAD_BYTES
        except DeliveryError as error:
            self._record_failure(error)
            raise

    async def send(self, body: bytes, message_id: str, digests: Digests = NO_DIGESTS) -> None:
        """Returns when the Event Hub has accepted the event. Raises DeliveryError when it has not.
        `message_id` is the exchange's id, `digests` are for the ledger.

        Raises EventTooLarge or EventRejected if the Event Hub will never accept this event.
        """
        event = EventData(body)
        event.message_id = message_id
        event.content_type = "application/json"
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(event, accepted, digests))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_groups())
        await accepted

    async def reach(self) -> None:
        """Raises DeliveryError unless the event hub answers on a new connection."""
        try:
            async with asyncio.timeout(self._timeouts.probe_s):
                await errors.translate_errors(self.open_producer().get_eventhub_properties())
        except TimeoutError as error:
            raise errors.no_answer_error(self._timeouts.probe_s) from error.with_traceback(None)

    async def probe(self) -> None:
        """Raises DeliveryError unless the event hub answers and takes events.

        It may answer on a new connection and nevertheless be silent on the link that events go by.
        So the probe also fails while the newest event or link was given up after a silence.
        """
        await self.reach()
        if self._was_silent():
            raise DeliveryError("the Event Hub answers, but took no event in time")

    async def aclose(self) -> None:
        """End the sends under way, and close the connections."""
        for task in (self._sending, self._limit_request):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
        if self._producer is not None:
            self._replace(self._producer)
        while self._background:
            await asyncio.wait(self._background)

    async def _send_groups(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await self._send_group(group)

    async def _send_group(self, group: list[_Waiting]) -> None:
        """Sends one full publication after the other. A failure fails all events that are
        not yet sent: the queue redelivers them.
        """
        try:
            while group:
                batch = await self._new_batch()
                count = _fill(batch, group)
                if count:
                    await self._publish(batch, group[:count])
                else:
                    _resolve(group[:1], EventTooLarge(errors.STILL_TOO_LARGE))
                group = group[count or 1 :]
        except DeliveryError as error:
            self._record_failure(error)
            _resolve(group, error)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raised: senders would wait forever otherwise
            failure = DeliveryError(f"the Event Hub's client failed: {type(error).__name__}")
            self._record_failure(failure)
            _resolve(group, failure)

    def _record_failure(self, error: DeliveryError) -> None:
        self.acceptance = self.acceptance.after_failure(datetime.now(UTC), str(error))

    async def _publish(self, batch: EventDataBatch, part: list[_Waiting]) -> None:
        """Send the batch, which holds `part`. Raises DeliveryError if no event is at fault."""
        try:
            await self._send_batch(batch)
        except (EventRejected, EventTooLarge) as error:
            if len(part) == 1:
                _resolve(part, error)
                return
            for waiting in part:
                alone = await self._new_batch()
                alone.add(waiting.event)
                await self._publish(alone, [waiting])
            return
        self._silent_at = None
        self.acceptance = self.acceptance.after_acceptance(datetime.now(UTC))
        if self._accepted is None:
            _resolve(part, None)
        else:  # the next group does not wait for it
            self._start(self._report(self._accepted, part))

    async def _report(self, accepted: OnAccepted, part: list[_Waiting]) -> None:
        try:
            await accepted(
                [
                    AcceptedEvent(
                        exchange_id=str(waiting.event.message_id), digests=waiting.digests
                    )
                    for waiting in part
                ]
            )
        finally:
            _resolve(part, None)

    async def _new_batch(self) -> EventDataBatch:
        """An empty publication of the size that the link allows; opens the link."""
        return await self._within(self._timeouts.open_s, lambda producer: producer.create_batch())

    async def _send_batch(self, batch: EventDataBatch) -> None:
        limit_s = self._timeouts.send_s
        await self._within(limit_s, lambda producer: producer.send_batch(batch, timeout=limit_s))

    async def _within[T](
        self, limit_s: float, call: Callable[[EventHubProducerClient], Awaitable[T]]
    ) -> T:
        """The result of the call. Raises DeliveryError; after a time-out the next call gets a new
        producer.
        """
        producer = self.open_producer()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                return await errors.translate_errors(call(producer))
        self._silent_at = self._clock()
        self._replace(producer)
        # outside of a handler: the frames of what it handled would keep the SDK's connection open
        raise errors.no_answer_error(limit_s)

    def _was_silent(self) -> bool:
        """Whether a wait was given up, a short while ago or just before the one that is under way,
        and nothing was accepted since.
        """
        if self._silent_at is None:
            return False
        under_way = self._sending is not None and not self._sending.done()
        return under_way or self._clock() - self._silent_at < self._timeouts.unready_s

    def _replace(self, producer: EventHubProducerClient) -> None:
        """Close a producer beside everything else; the next call makes another one."""
        if self._producer is producer:
            self._producer = None
            self._start(self._close(producer))

    async def _close(self, producer: EventHubProducerClient) -> None:
        with contextlib.suppress(TimeoutError, DeliveryError):
            async with asyncio.timeout(self._timeouts.close_s):
                await errors.translate_errors(producer.close())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)  # the event loop itself keeps only a weak reference
        task.add_done_callback(self._background.discard)

    def open_producer(self) -> EventHubProducerClient:
        """The producer that sends; a new one if there is none."""
        if self._producer is None:
            options: dict[str, Any] = {"eventhub_name": self._settings.name, **_RETRY_OPTIONS}
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


def _fill(batch: EventDataBatch, group: list[_Waiting]) -> int:
    """Add events until the batch is full; return how many it took."""
    for index, waiting in enumerate(group):
        try:
            batch.add(waiting.event)
        except ValueError:  # the batch would exceed the link's limit
            return index
    return len(group)


def _resolve(group: list[_Waiting], error: DeliveryError | None) -> None:
    complete_each((waiting.accepted for waiting in group), error, _copy)


def _copy(error: DeliveryError) -> DeliveryError:
    copy = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy
