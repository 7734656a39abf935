"""The state of the emulator: hubs, publication mode, and counters."""

import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from local.event_hubs.consumer_groups import ConsumerGroups
from local.event_hubs.partition_log import PartitionLog
from local.event_hubs.publication import Publication


class PublicationMode(StrEnum):
    """How the emulator treats publications."""

    ACCEPT = "accept"
    REJECT = "reject"  # settled with a retriable error
    STALL = "stall"  # neither read nor settled, until the mode changes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwantedEvents:
    """Publications that are rejected for their content, in any mode."""

    text: bytes  # anywhere in the publication
    condition: str  # the AMQP condition they are refused with


class NodeNotFoundError(LookupError):
    """A client named a hub that does not exist."""


class PartitionNotFoundError(LookupError):
    """A client named a partition that its hub does not have."""


class Stoppable(Protocol):
    """A client's connection."""

    def stop(self) -> None: ...


@dataclass(slots=True)
class HubCounters:
    """Counters since the start."""

    connections_opened: int = 0
    publications_accepted: int = 0
    publications_rejected: int = 0  # by the mode
    publications_too_large: int = 0
    publications_malformed: int = 0
    publications_unwanted: int = 0
    events_accepted: int = 0
    events_delivered: int = 0


class Hub:
    """An event hub: its partitions and who reads them."""

    def __init__(self, name: str, *, partitions: int, retention_bytes: int) -> None:
        self.name = name
        self.created_at_ms = time.time_ns() // 1_000_000
        self.partitions = [PartitionLog(retention_bytes=retention_bytes) for _ in range(partitions)]
        self.consumer_groups = ConsumerGroups()
        self._round_robin = 0

    @property
    def partition_ids(self) -> list[str]:
        return [str(number) for number in range(len(self.partitions))]

    def partition(self, partition_id: str) -> PartitionLog:
        """The partition of that id. Raises PartitionNotFoundError with the service's message."""
        if partition_id not in self.partition_ids:
            raise PartitionNotFoundError(
                f"The specified partition is invalid for an EventHub partition sender or receiver. "
                f"It should be between 0 and {len(self.partitions) - 1}. (Hub {self.name!r}, partition {partition_id!r}.)"
            )
        return self.partitions[int(partition_id)]

    def publish(self, publication: Publication, partition_id: str | None) -> None:
        """Append to the given partition, else to the partition of the key, else to the next one in
        turn.
        """
        key = publication.partition_key
        if partition_id is not None:
            log = self.partition(partition_id)
        elif key is not None:
            # Any stable hash will do. The service uses another one, so a key's partition differs
            # from Azure.
            log = self.partitions[zlib.crc32(key.encode()) % len(self.partitions)]
        else:
            log = self.partitions[self._round_robin]
            self._round_robin = (self._round_robin + 1) % len(self.partitions)
        log.append(publication.events, partition_key=key)


class Namespace:
    """All hubs, the mode, the counters."""

    def __init__(self, hub_names: list[str], *, partitions: int, retention_bytes: int) -> None:
        self.hubs = {
            name: Hub(name, partitions=partitions, retention_bytes=retention_bytes)
            for name in hub_names
        }
        self.counters = HubCounters()
        self.mode = PublicationMode.ACCEPT
        self.unwanted: UnwantedEvents | None = None
        self._mode_listeners: set[Callable[[], None]] = set()
        self._connections: set[Stoppable] = set()

    def hub(self, name: str) -> Hub:
        """The hub of that name, in any case. Raises NodeNotFoundError, which lists the existing
        hubs.
        """
        for existing_name, hub in self.hubs.items():
            if existing_name.lower() == name.lower():
                return hub
        raise NodeNotFoundError(
            f"The messaging entity '{name}' could not be found. This emulator has: {', '.join(self.hubs)} (choose with --hub)."
        )

    def set_mode(self, mode: PublicationMode, unwanted: UnwantedEvents | None = None) -> None:
        """Change the mode, also for publications that a stall delays."""
        self.mode, self.unwanted = mode, unwanted
        for changed in tuple(self._mode_listeners):
            changed()

    def on_mode_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change, until the returned function is called."""
        self._mode_listeners.add(listener)
        return lambda: self._mode_listeners.discard(listener)

    def connected(self, connection: Stoppable) -> None:
        self._connections.add(connection)
        self.counters.connections_opened += 1

    def disconnected(self, connection: Stoppable) -> None:
        self._connections.discard(connection)

    def stop_connections(self) -> None:
        """Close all clients' connections because the emulator ends."""
        for connection in tuple(self._connections):
            connection.stop()

    def statistics(self) -> dict[str, object]:
        """The statistics of `GET /stats`."""
        return {
            "mode": self.mode.value,
            "connections": len(self._connections),
            **asdict(self.counters),
            "hubs": {name: _describe(hub) for name, hub in self.hubs.items()},
        }


def _describe(hub: Hub) -> dict[str, object]:
    partitions = {
        partition_id: {
            "first_sequence_number": log.first_sequence_number,
            "next_sequence_number": log.next_sequence_number,
            "retained_bytes": log.retained_bytes,
        }
        for partition_id, log in zip(hub.partition_ids, hub.partitions, strict=True)
    }
    return {"partitions": partitions, "consumers": hub.consumer_groups.describe()}
