"""The events that the Event Hub of a stack has accepted."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from bench.errors import BenchError
from local.stack import Stack

_POLL_S: Final = 0.1
_READ_WITHIN_S: Final = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivedEvent:
    """When an exchange ended, and when the Event Hub accepted its event. UTC."""

    ended: datetime
    accepted: datetime  # in milliseconds

    @property
    def lag_ms(self) -> float:
        return (self.accepted - self.ended).total_seconds() * 1000


def count(stack: Stack) -> int:
    """How many events the emulator has accepted since its start."""
    url = f"{stack.event_hubs_control_url}/stats"
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - http to this machine
        stats = json.load(response)
    partitions = stats["hubs"][stack.event_hub_name]["partitions"].values()
    return sum(partition["next_sequence_number"] for partition in partitions)


def wait_for(stack: Stack, expected: int, within_s: float) -> None:
    """Returns when as many events are accepted. Raises BenchError if that takes too long."""
    deadline = time.monotonic() + within_s
    while (accepted := count(stack)) < expected:
        if time.monotonic() > deadline:
            raise BenchError(
                f"the Event Hub has {accepted} events of {expected} exchanges, {within_s:g} s after the last"
            )
        time.sleep(_POLL_S)


def read_all(stack: Stack) -> list[ArrivedEvent]:
    """Every event, read after the loads, because a consumer takes CPU time."""
    # the SDK logs every reconnect as a warning
    logging.getLogger("azure.eventhub").setLevel(logging.ERROR)
    events: list[ArrivedEvent] = []
    expected, complete = count(stack), threading.Event()

    def take(_: PartitionContext, batch: list[EventData]) -> None:
        events.extend(map(_arrived_event, batch))
        if len(events) >= expected:
            complete.set()

    client = EventHubConsumerClient.from_connection_string(
        stack.event_hub_connection_string, "$Default", eventhub_name=stack.event_hub_name
    )
    options = {"max_batch_size": 300, "max_wait_time": 0.2, "starting_position": "-1"}
    reader = threading.Thread(
        target=client.receive_batch, args=(take,), kwargs=options, daemon=True
    )
    reader.start()
    try:
        if not complete.wait(_READ_WITHIN_S):
            raise BenchError(f"only {len(events)} of {expected} events could be read again")
    finally:
        client.close()
    return events


def _arrived_event(event: EventData) -> ArrivedEvent:
    ended = datetime.fromisoformat(json.loads(event.body_as_str())["timestamp"])
    accepted = event.enqueued_time
    assert accepted is not None  # of a received event
    return ArrivedEvent(ended=ended.replace(tzinfo=UTC), accepted=accepted.astimezone(UTC))
