"""The Event Hub, written to in groups (shared/concurrency/group_commit.py): one AMQP transfer
carries one event or hundreds.

`send` returns only after the Event Hub accepted the event. If a group is rejected for its content,
its events are sent again one by one, so that only the event that is rejected fails.
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
from shared.concurrency.group_commit import GroupCommit, PendingItem, complete_all
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


class _OutgoingEvent(NamedTuple):
    event: EventData
    digests: Digests


class EventSender:
    """Sends events, as an EventSink and a ProbedEventHub. One for each worker; it belongs to the
    event loop of its first call.
    """

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
        self._sends = GroupCommit(self._send_group, _error_for_caller)
        self._reporting: set[asyncio.Task[None]] = set()
        self._limit_bytes: int | None = None
        self._limit_request: asyncio.Task[int] | None = None
        self.acceptance = Acceptance()

    async def limit_bytes(self) -> int:
        """The limit of the Event Hub's link, less what a publication adds to an event."""
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
        event = EventData(body)
        event.message_id = message_id
        event.content_type = "application/json"
        await self._sends.put(_OutgoingEvent(event, digests))

    async def reach(self) -> None:
        """Raises DeliveryError unless the Event Hub answers on a new connection."""
        await self.producer.reach()

    async def probe(self) -> None:
        """The Event Hub may answer on a new connection and nevertheless be silent on the link that
        events go by. So the probe also fails if a wait for the link was given up a short while ago,
        or just before the wait that is under way, and nothing was accepted since.
        """
        await self.producer.reach()
        if self.producer.was_silent(
            float("inf") if self._sends.is_sending else self._timeouts.unready_s
        ):
            raise DeliveryError("the Event Hub answers, but took no event in time")

    async def aclose(self) -> None:
        """End the sends under way, and close the connections."""
        await self._sends.aclose()
        if self._limit_request is not None and not self._limit_request.done():
            self._limit_request.cancel()
            await asyncio.wait({self._limit_request})
        await self.producer.aclose()
        while self._reporting:
            await asyncio.wait(self._reporting)

    async def _send_group(self, group: list[PendingItem[_OutgoingEvent]]) -> None:
        """Send one full publication after the other, and take its events off the group. Raises
        DeliveryError; the events that are left then fail, and the queue redelivers them.
        """
        try:
            while group:
                batch = await self.producer.new_batch()
                if count := _fill(batch, group):
                    await self._publish(batch, group, count)
                else:
                    group.pop(0).fail(EventTooLarge(errors.STILL_TOO_LARGE))
        except Exception as error:
            self._record_failure(_error_for_caller(error))
            raise

    def _record_failure(self, error: DeliveryError) -> None:
        self.acceptance = self.acceptance.after_failure(datetime.now(UTC), str(error))

    async def _publish(
        self, batch: EventDataBatch, group: list[PendingItem[_OutgoingEvent]], count: int
    ) -> None:
        """Send the batch, which holds the first `count` events of the group, and take them off it.
        Raises DeliveryError if the failure is not due to an event.
        """
        try:
            await self.producer.send_batch(batch)
        except (EventRejected, EventTooLarge) as error:
            if count == 1:
                group.pop(0).fail(_error_for_caller(error))
                return
            for _ in range(count):
                alone = await self.producer.new_batch()
                alone.add(group[0].value.event)
                await self._publish(alone, group, 1)
            return
        self.acceptance = self.acceptance.after_acceptance(datetime.now(UTC))
        part, group[:count] = group[:count], []
        if self._on_accepted is None:
            complete_all(part)
        else:  # the next group does not wait for it
            task = asyncio.create_task(_report(self._on_accepted, part))
            self._reporting.add(task)  # the event loop itself keeps only a weak reference
            task.add_done_callback(self._reporting.discard)


async def _report(on_accepted: OnAccepted, part: Sequence[PendingItem[_OutgoingEvent]]) -> None:
    try:
        await on_accepted(
            [
                AcceptedEvent(exchange_id=str(event.message_id), digests=digests)
                for event, digests in (pending.value for pending in part)
            ]
        )
    finally:
        complete_all(part)


def _fill(batch: EventDataBatch, group: Sequence[PendingItem[_OutgoingEvent]]) -> int:
    """Add events until the batch is full; return how many it took."""
    for index, pending in enumerate(group):
        try:
            batch.add(pending.value.event)
        except ValueError:  # the batch would exceed the link's limit
            return index
    return len(group)


def _error_for_caller(error: BaseException) -> DeliveryError:
    """The error for one of the callers whose events were in a group that failed."""
    if not isinstance(error, DeliveryError):
        return DeliveryError(f"the Event Hub's client failed: {type(error).__name__}")
    copy = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy
