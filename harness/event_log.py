"""The Event Hub's events, received in a thread by the SDK's EventHubConsumerClient."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Collection
from types import TracebackType
from typing import Any, Final, Self

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from harness.schema import valid
from local.events.feed import DeliveredEvent
from local.stack import Stack

# The host polls the queue at least every 2 s (host.json); a busy machine takes longer.
ARRIVAL_S: Final = 60


class EventLog:
    """Receives all events of the hub during the `with` block, older ones included."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._events: list[DeliveredEvent] = []
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._receive, name="event-log", daemon=True)
        self._client: EventHubConsumerClient

    def __enter__(self) -> Self:
        # the SDK logs every reconnect as a warning
        logging.getLogger("azure.eventhub").setLevel(logging.ERROR)
        self._client = EventHubConsumerClient.from_connection_string(
            self._stack.event_hub_connection_string,
            "$Default",
            eventhub_name=self._stack.event_hub_name,
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._thread.join(timeout=10)

    def one(self, *, within_s: float = ARRIVAL_S, **keys: Any) -> DeliveredEvent:
        """Wait for the event whose keys have these values: `one(exchange_id=...)`,
        `one(deployment=...)`.
        """
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: self._matching(keys), timeout=within_s)
            assert arrived, (
                f"no event with {keys} within {within_s:g} s; {len(self._events)} others arrived"
            )
            event = self._matching(keys)[0]
        return valid(event)

    def all_of(
        self, exchange_ids: Collection[str], *, within_s: float = ARRIVAL_S
    ) -> list[DeliveredEvent]:
        """Wait for an event of each of these exchanges; return all their events, duplicates
        included.
        """
        deadline = time.monotonic() + within_s
        for exchange_id in exchange_ids:
            self.one(exchange_id=exchange_id, within_s=max(0.0, deadline - time.monotonic()))
        with self._arrived:
            return [event for event in self._events if event["exchange_id"] in set(exchange_ids)]

    def count(self, **keys: Any) -> int:
        """How many events with these values have arrived so far."""
        with self._arrived:
            return len(self._matching(keys))

    def all_events(self) -> list[DeliveredEvent]:
        """All that has arrived so far."""
        with self._arrived:
            return list(self._events)

    def _matching(self, keys: dict[str, Any]) -> list[DeliveredEvent]:
        return [
            event
            for event in self._events
            if all(event.get(key) == value for key, value in keys.items())
        ]

    def _receive(self) -> None:
        self._client.receive_batch(
            self._on_events, max_batch_size=300, max_wait_time=0.2, starting_position="-1"
        )

    def _on_events(self, _partition: PartitionContext, events: list[EventData]) -> None:
        if not events:
            return
        with self._arrived:
            self._events += [json.loads(event.body_as_str()) for event in events]
            self._arrived.notify_all()
