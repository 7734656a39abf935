"""Responses of the `$management` node: the properties of a hub and of a partition.

Source of names and types: azure.eventhub's _client_base.py (_get_eventhub_properties,
_get_partition_properties).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.event_hubs.namespace import Hub, Namespace, NodeNotFoundError, PartitionNotFoundError

# The service's "never": 0001-01-01 in ms since 1970, which the SDK turns into datetime.min.
NEVER_MS = -62_135_596_800_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HubProperties:
    name: str
    created_at_ms: int
    partition_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionProperties:
    name: str
    partition_id: str
    begin_sequence_number: int
    last_enqueued_sequence_number: int  # -1: never an event
    last_enqueued_offset: str  # "-1": never an event
    last_enqueued_time_ms: int
    is_partition_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A response with a status of 400 or more."""

    status: int
    description: str


def respond(
    request: Mapping[str, object], namespace: Namespace
) -> HubProperties | PartitionProperties | Refusal:
    """Respond to a request's application properties (operation, type, name, partition)."""
    operation, kind = request.get("operation"), request.get("type")
    if operation != "READ":
        return Refusal(
            status=501, description=f"operation {operation!r} is not emulated, only READ is"
        )
    try:
        hub = namespace.hub(str(request.get("name")))
        if kind == "com.microsoft:eventhub":
            return HubProperties(
                name=hub.name, created_at_ms=hub.created_at_ms, partition_ids=hub.partition_ids
            )
        if kind == "com.microsoft:partition":
            return _partition_properties(hub, str(request.get("partition")))
    except NodeNotFoundError as error:
        return Refusal(status=404, description=str(error))
    except PartitionNotFoundError as error:
        return Refusal(status=400, description=str(error))
    return Refusal(status=501, description=f"type {kind!r} is not emulated")


def _partition_properties(hub: Hub, partition_id: str) -> PartitionProperties:
    log = hub.partition(partition_id)
    last = log.last
    return PartitionProperties(
        name=hub.name,
        partition_id=partition_id,
        begin_sequence_number=log.first_sequence_number,
        last_enqueued_sequence_number=log.next_sequence_number - 1,
        last_enqueued_offset="-1" if last is None else str(last.offset),
        last_enqueued_time_ms=NEVER_MS if last is None else last.enqueued_time_ms,
        is_partition_empty=log.first_sequence_number == log.next_sequence_number,
    )
