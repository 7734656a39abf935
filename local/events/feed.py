"""The Event Hub's events, received by the SDK's EventHubConsumerClient as by any consumer."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

# An event as the Event Hub delivers it, parsed.
type DeliveredEvent = Mapping[str, Any]

_GROUP: Final = "$Default"


class LocalEventFeed:
    """Receives from all partitions in a thread; `next()` returns the events in the order of
    arrival.
    """

    def __init__(self, settings: Mapping[str, str], *, from_start: bool) -> None:
        """`settings`: the app's. `from_start`: also events that the hub already holds (the emulator
        starts empty).
        """
        # the SDK logs every reconnect as a warning
        logging.getLogger("azure.eventhub").setLevel(logging.ERROR)
        self._client = _client(settings)
        self._position: str | datetime = "-1" if from_start else datetime.now(UTC)
        self._events: queue.Queue[DeliveredEvent] = queue.Queue()
        self._thread = threading.Thread(target=self._receive, name="event-feed", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._thread.join(timeout=5)

    def next(self, *, within_s: float) -> DeliveredEvent | None:
        """The next event; None if none arrives in time."""
        try:
            return self._events.get(timeout=within_s)
        except queue.Empty:
            return None

    def event_of(self, exchange_id: str, *, within_s: float) -> DeliveredEvent | None:
        """The event of an exchange; None if it does not arrive in time. Others are passed over."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            event = self.next(within_s=0.5)
            if event is not None and event.get("exchange_id") == exchange_id:
                return event
        return None

    def _receive(self) -> None:
        self._client.receive(self._on_event, starting_position=self._position)

    def _on_event(self, _partition: PartitionContext, event: EventData | None) -> None:
        if event is None:
            return
        try:
            body = json.loads(event.body_as_str())
        except ValueError:  # another producer's event on a shared hub
            return
        if isinstance(body, dict):
            self._events.put(body)


def _client(settings: Mapping[str, str]) -> EventHubConsumerClient:
    hub = settings.get("AZURE_EVENTHUB_NAME") or None  # None: the connection string's EntityPath
    connection_string = settings.get("AZURE_EVENTHUB_CONN_STR")
    if connection_string:
        return EventHubConsumerClient.from_connection_string(
            connection_string, _GROUP, eventhub_name=hub
        )
    from azure.identity import DefaultAzureCredential  # only here: its import takes 130 ms

    return EventHubConsumerClient(
        settings["AZURE_EVENTHUB_NAMESPACE"], hub or "", _GROUP, DefaultAzureCredential()
    )
