"""A partition keeps its events in order, numbers them, forgets the oldest and finds start
positions.
"""

from typing import cast

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import given
from hypothesis import strategies as st

from local.event_hubs.amqp_encoding import string, symbol
from local.event_hubs.partition_log import BOOKKEEPING_BYTES, PartitionLog, PositionBeyondEndError
from local.event_hubs.publication import PublishedEvent
from local.event_hubs.start_position import EARLIEST, Field, Latest, StartPosition


def event(body: bytes = b"x", key: str | None = None) -> PublishedEvent:
    data = b"\x00\x53\x75\xb0" + len(body).to_bytes(4, "big") + body
    return PublishedEvent(
        header=b"", annotations=b"", annotation_items=0, body=data, partition_key=key
    )


class ClockOfTimes:
    """Returns these times one after another, and the last one from then on."""

    def __init__(self, *times_ms: int) -> None:
        self._times = list(times_ms)

    def __call__(self) -> int:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


def log_of(count: int, *times_ms: int, retention_bytes: int = 1_000_000) -> PartitionLog:
    log = PartitionLog(retention_bytes=retention_bytes, now_ms=ClockOfTimes(*times_ms or (1000,)))
    for number in range(count):
        log.append([event(str(number).encode())])
    return log


def bodies(log: PartitionLog, start: int = 0) -> list[bytes]:
    found: list[bytes] = []
    while (stored := log.read(start)) is not None:
        found.extend(cast("list[bytes]", decode_payload(memoryview(stored.message)).data))
        start = stored.sequence_number + 1
    return found


def test_events_are_read_in_the_order_in_which_they_were_appended() -> None:
    log = PartitionLog(retention_bytes=1_000_000)
    log.append([event(b"a"), event(b"b")])
    log.append([event(b"c")])
    assert bodies(log) == [b"a", b"b", b"c"]


def test_an_event_carries_number_offset_time_and_key_for_the_sdk() -> None:
    log = log_of(1, 1000, 2000)
    log.append([event(b"keyed", key="k")])
    stored = log.read(1)
    assert stored is not None
    annotations = decode_payload(memoryview(stored.message)).message_annotations
    assert annotations == {
        b"x-opt-sequence-number": 1,
        b"x-opt-offset": str(stored.offset).encode(),
        b"x-opt-enqueued-time": 2000,
        b"x-opt-partition-key": b"k",
    }


def test_the_producers_own_annotations_stay() -> None:
    log = PartitionLog(retention_bytes=1_000_000)
    own = symbol("x-opt-mine") + string("m")
    log.append(
        [
            PublishedEvent(
                header=b"",
                annotations=own,
                annotation_items=2,
                body=event().body,
                partition_key=None,
            )
        ]
    )
    stored = log.read(0)
    assert stored is not None
    annotations = decode_payload(memoryview(stored.message)).message_annotations
    assert annotations is not None
    assert annotations[b"x-opt-mine"] == b"m"


def test_there_is_nothing_to_read_after_the_newest_event() -> None:
    assert log_of(2).read(2) is None


def test_a_batchs_key_is_the_key_of_its_events() -> None:
    log = PartitionLog(retention_bytes=1_000_000)
    log.append([event()], partition_key="of the batch")
    stored = log.read(0)
    assert stored is not None
    assert b"of the batch" in stored.message


def test_enqueued_times_never_go_back() -> None:
    log = log_of(3, 5000, 4000, 6000)
    assert [stored.enqueued_time_ms for n in range(3) if (stored := log.read(n))] == [
        5000,
        5000,
        6000,
    ]


def test_retention_drops_the_oldest_events_and_readers_skip_them() -> None:
    size = BOOKKEEPING_BYTES + 1000
    log = PartitionLog(retention_bytes=10 * (size + 200))
    for number in range(100):
        log.append([event(str(number).encode() + b" " * 1000)])
    assert log.retained_bytes <= 10 * (size + 200)
    assert log.next_sequence_number == 100
    assert log.first_sequence_number >= 90
    assert bodies(log)[0].split()[0] == str(log.first_sequence_number).encode()
    assert log.start(EARLIEST) == log.first_sequence_number


def test_an_event_larger_than_the_retention_leaves_the_partition_empty() -> None:
    log = log_of(3, retention_bytes=100)
    assert (log.first_sequence_number, log.next_sequence_number, log.read(0)) == (3, 3, None)
    assert log.last is not None
    assert log.start(EARLIEST) == 3


def test_subscribers_are_woken_once_per_publication_until_they_leave() -> None:
    log = PartitionLog(retention_bytes=1_000_000)
    woken: list[int] = []

    def wake() -> None:
        woken.append(log.next_sequence_number)

    log.subscribe(wake)
    log.append([event(), event()])
    log.append([event()])
    log.unsubscribe(wake)
    log.append([event()])
    assert woken == [2, 3]


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=30),
    st.sampled_from(list(Field)),
    st.booleans(),
    st.data(),
)
def test_a_start_position_is_the_first_event_that_the_comparison_holds_for(
    times: list[int], field: Field, inclusive: bool, data: st.DataObject
) -> None:
    log = log_of(len(times), *times)
    stored = [found for n in range(len(times)) if (found := log.read(n))]
    values = {
        Field.OFFSET: [s.offset for s in stored],
        Field.SEQUENCE_NUMBER: [s.sequence_number for s in stored],
        Field.ENQUEUED_TIME: [s.enqueued_time_ms for s in stored],
    }[field]
    value = data.draw(st.integers(-1, values[-1]))
    matching = [n for n, v in enumerate(values) if v > value or (inclusive and v == value)]
    position = StartPosition(field=field, value=value, inclusive=inclusive)
    assert log.start(position) == (matching[0] if matching else len(times))


def test_latest_starts_after_the_newest_event() -> None:
    assert log_of(3).start(Latest()) == 3


@pytest.mark.parametrize("field", [Field.OFFSET, Field.SEQUENCE_NUMBER])
def test_a_position_that_was_never_here_is_refused_and_says_which_is_the_last(field: Field) -> None:
    with pytest.raises(PositionBeyondEndError, match=r"'999' is invalid.*'-1'"):
        log_of(0).start(StartPosition(field=field, value=999))
