"""The Event Hub, written to in groups: events that come while a send is under way share the next
one.

One AMQP transfer costs a round trip whether it carries one event or hundreds; with group commit the
cost per event falls as the load rises, and nobody waits for a timer. `send` returns only after the
Event Hub accepted the event. If a group is rejected for its content, its events are sent again one
by one, so that only the event at fault fails.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.aio import EventHubProducerClient

from shared.adapters.event_hub import errors
from shared.adapters.event_hub.producer import Producer, connect
from shared.concurrency.futures import complete_each
from shared.core.decisions.acceptance import Acceptance
from shared.core.records.exchange.digests import NO_DIGESTS, AcceptedEvent, Digests
from shared.errors import DeliveryError, EventRejected, EventTooLarge
from shared.settings.settings import EventHubSettings
from shared.settings.timeouts import EventHubTimeouts

# A publication's bytes around an event's body: AMQP sections, message id, content type, batch
# framing. Measured below 300.
_OVERHEAD_BYTES: Final = 2048

# Called with the events of one publication. Does not raise.
type OnAccepted = Callable[[Sequence[AcceptedEvent]], Awaitable[None]]


class _PendingEvent(NamedTuple):
    event: EventData
    accepted: asyncio.Future[None]
    digests: Digests


class EventHub:
    """Sends events. One for each worker; it belongs to the event loop of its first call."""

    def __init__(
        self,
        settings: EventHubSettings,
        identity: Callable[[], AsyncTokenCredential],
        *,
        on_accepted: OnAccepted | None = None,
        timeouts: EventHubTimeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
        make_client: Callable[[], EventHubProducerClient] | None = None,
    ) -> None:
        """`on_accepted` is called for each publication, before its senders go on. `make_client`
        makes the SDK's producer; None: by the settings.
        """
        self._on_accepted = on_accepted
        self._timeouts = timeouts or EventHubTimeouts()
        self.producer = Producer(
            make_client or functools.partial(connect, settings, identity), self._timeouts, clock
        )
        self._pending: list[_PendingEvent] = []
        self._sending: asyncio.Task[None] | None = None
        self._reporting: set[asyncio.Task[None]] = set()
        self._limit_bytes: int | None = None
        self._limit_request: asyncio.Task[int] | None = None
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
            return int((await self.producer.new_batch()).max_size_in_bytes) - _OVERHEAD_BYTES
        except DeliveryError as error:
            self._record_failure(error)
            raise

    async def send(self, body: bytes, message_id: str, digests: Digests = NO_DIGESTS) -> None:
        """Returns when the Event Hub has accepted the event. `message_id` is the exchange's id,
        `digests` are for the ledger.

        Raises EventTooLarge or EventRejected if the Event Hub will never accept this event,
        otherwise DeliveryError.
        """
        event = EventData(body)
        event.message_id = message_id
        event.content_type = "application/json"
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append(_PendingEvent(event, accepted, digests))
        if not self._is_sending:
            self._sending = asyncio.create_task(self._send_groups())
        await accepted

    async def reach(self) -> None:
        """Raises DeliveryError unless the Event Hub answers on a new connection."""
        await self.producer.reach()

    async def probe(self) -> None:
        """Raises DeliveryError unless the Event Hub answers and takes events.

        It may answer on a new connection and nevertheless be silent on the link that events go by.
        So the probe also fails if a wait for the link was given up a short while ago, or just
        before the wait that is under way, and nothing was accepted since.
        """
        await self.producer.reach()
        if self.producer.was_silent(float("inf") if self._is_sending else self._timeouts.unready_s):
            raise DeliveryError("the Event Hub answers, but took no event in time")

    async def aclose(self) -> None:
        """End the sends under way, and close the connections."""
        for task in (self._sending, self._limit_request):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
        await self.producer.aclose()
        while self._reporting:
            await asyncio.wait(self._reporting)

    @property
    def _is_sending(self) -> bool:
        return self._sending is not None and not self._sending.done()

    async def _send_groups(self) -> None:
        while self._pending:
            group, self._pending = self._pending, []
            await self._send_group(group)

    async def _send_group(self, group: list[_PendingEvent]) -> None:
        """Sends one full publication after the other. A failure fails all events that are
        not yet sent: the queue redelivers them.
        """
        try:
            while group:
                batch = await self.producer.new_batch()
                count = _fill(batch, group)
                if count:
                    await self._publish(batch, group[:count])
                else:
                    _resolve(group[:1], EventTooLarge(errors.STILL_TOO_LARGE))
                group = group[count or 1 :]
        except DeliveryError as error:
            self._record_failure(error)
            _resolve(group, error)
        except Exception as error:  # noqa: BLE001 - any fault of the SDK: senders would wait forever otherwise
            failure = DeliveryError(f"the Event Hub's client failed: {type(error).__name__}")
            self._record_failure(failure)
            _resolve(group, failure)

    def _record_failure(self, error: DeliveryError) -> None:
        self.acceptance = self.acceptance.after_failure(datetime.now(UTC), str(error))

    async def _publish(self, batch: EventDataBatch, part: list[_PendingEvent]) -> None:
        """Send the batch, which holds `part`. Raises DeliveryError if no event is at fault."""
        try:
            await self.producer.send_batch(batch)
        except (EventRejected, EventTooLarge) as error:
            if len(part) == 1:
                _resolve(part, error)
                return
            for pending in part:
                alone = await self.producer.new_batch()
                alone.add(pending.event)
                await self._publish(alone, [pending])
            return
        self.acceptance = self.acceptance.after_acceptance(datetime.now(UTC))
        if self._on_accepted is None:
            _resolve(part, None)
        else:  # the next group does not wait for it
            task = asyncio.create_task(self._report(self._on_accepted, part))
            self._reporting.add(task)  # the event loop itself keeps only a weak reference
            task.add_done_callback(self._reporting.discard)

    async def _report(self, on_accepted: OnAccepted, part: list[_PendingEvent]) -> None:
        try:
            await on_accepted(
                [
                    AcceptedEvent(
                        exchange_id=str(pending.event.message_id), digests=pending.digests
                    )
                    for pending in part
                ]
            )
        finally:
            _resolve(part, None)


def _fill(batch: EventDataBatch, group: list[_PendingEvent]) -> int:
    """Add events until the batch is full; return how many it took."""
    for index, pending in enumerate(group):
        try:
            batch.add(pending.event)
        except ValueError:  # the batch would exceed the link's limit
            return index
    return len(group)


def _resolve(group: list[_PendingEvent], error: DeliveryError | None) -> None:
    complete_each((pending.accepted for pending in group), error, _copy)


def _copy(error: DeliveryError) -> DeliveryError:
    copy = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy
