"""The events of one partition, in order, in memory, bounded.

Retention: the newest events whose encoded sizes (plus 512 bytes of bookkeeping each) fit into
`retention_bytes`. Older ones are dropped, and their consumers continue with the oldest event that
is kept, as with the real service's retention.
"""

import bisect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.event_hubs.amqp_encoding import long, map_section, string, symbol, timestamp
from local.event_hubs.publication import MESSAGE_ANNOTATIONS, PublishedEvent
from local.event_hubs.start_position import Field, Latest, StartPosition

# a StoredEvent with its byte string and its place in the log, rounded up
BOOKKEEPING_BYTES = 512

_SEQUENCE_NUMBER = symbol("x-opt-sequence-number")
_OFFSET = symbol("x-opt-offset")
_ENQUEUED_TIME = symbol("x-opt-enqueued-time")
_PARTITION_KEY = symbol("x-opt-partition-key")


class PositionBeyondEndError(ValueError):
    """A consumer starts after an event that never existed, for example with a checkpoint of an
    earlier run.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event of a partition, encoded for its consumers."""

    sequence_number: int
    offset: int
    enqueued_time_ms: int
    message: bytes  # all sections, encoded

    @property
    def retained_bytes(self) -> int:
        return len(self.message) + BOOKKEEPING_BYTES


class PartitionLog:
    """Appends and reads events by sequence number; notifies subscribers of new ones."""

    def __init__(
        self,
        *,
        retention_bytes: int,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._retention_bytes = retention_bytes
        self._now_ms = now_ms
        self._events: dict[int, StoredEvent] = {}
        self._retained_bytes = 0
        self._next_offset = 0
        self._last: StoredEvent | None = None
        self._subscribers: set[Callable[[], None]] = set()
        # of the oldest event that is kept; next_sequence_number if there is none
        self.first_sequence_number = 0
        self.next_sequence_number = 0

    @property
    def last(self) -> StoredEvent | None:
        """The newest event, even if it was dropped; None before the first."""
        return self._last

    @property
    def retained_bytes(self) -> int:
        return self._retained_bytes

    def append(self, events: Sequence[PublishedEvent], *, partition_key: str | None = None) -> None:
        """Store a publication's events one after the other with one enqueued time, then wake the
        subscribers.
        """
        # Never decreases, even if the clock does: positions are searched by bisection.
        enqueued = max(self._now_ms(), self._last.enqueued_time_ms if self._last else 0)
        for event in events:
            self._store(event, enqueued, event.partition_key or partition_key)
        while (
            self._retained_bytes > self._retention_bytes
            and self.first_sequence_number < self.next_sequence_number
        ):
            self._retained_bytes -= self._events.pop(self.first_sequence_number).retained_bytes
            self.first_sequence_number += 1
        for wake in tuple(self._subscribers):
            wake()

    def _store(
        self, event: PublishedEvent, enqueued_time_ms: int, partition_key: str | None
    ) -> None:
        sequence_number, offset = self.next_sequence_number, self._next_offset
        items = event.annotations + b"".join(
            (_SEQUENCE_NUMBER, long(sequence_number), _OFFSET, string(str(offset)), _ENQUEUED_TIME)
        )
        items += timestamp(enqueued_time_ms)
        count = event.annotation_items + 6
        if partition_key is not None:
            items += _PARTITION_KEY + string(partition_key)
            count += 2
        self._last = StoredEvent(
            sequence_number=sequence_number,
            offset=offset,
            enqueued_time_ms=enqueued_time_ms,
            message=event.header + map_section(MESSAGE_ANNOTATIONS, items, count) + event.body,
        )
        self._events[sequence_number] = self._last
        self._retained_bytes += self._last.retained_bytes
        # Like the service's, an offset is a position in bytes; only its order has a meaning.
        self._next_offset += len(self._last.message)
        self.next_sequence_number += 1

    def read(self, sequence_number: int) -> StoredEvent | None:
        """The event with this number, or the oldest one kept after it; None: not there yet."""
        return self._events.get(max(sequence_number, self.first_sequence_number))

    def start(self, position: StartPosition | Latest) -> int:
        """The sequence number of the first event for a consumer at this position. Raises
        PositionBeyondEndError.
        """
        if isinstance(position, Latest):
            return self.next_sequence_number
        self._check_known(position)
        retained = range(self.first_sequence_number, self.next_sequence_number)
        search = bisect.bisect_left if position.inclusive else bisect.bisect_right
        index = search(
            retained, position.value, key=lambda number: self._value(number, position.field)
        )
        return self.first_sequence_number + index

    def _value(self, sequence_number: int, field: Field) -> int:
        event = self._events[sequence_number]
        if field is Field.OFFSET:
            return event.offset
        return event.enqueued_time_ms if field is Field.ENQUEUED_TIME else event.sequence_number

    def _check_known(self, position: StartPosition) -> None:
        if position.field is Field.ENQUEUED_TIME or position.value < 0:
            return
        last = -1
        if self._last is not None:
            last = (
                self._last.offset if position.field is Field.OFFSET else self._last.sequence_number
            )
        if position.value > last:
            name = position.field.value.replace("-", " ")
            raise PositionBeyondEndError(
                f"The supplied {name} '{position.value}' is invalid. The last {name} in the system is '{last}'"
            )

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` after every append until unsubscribed."""
        self._subscribers.add(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        self._subscribers.discard(wake)
