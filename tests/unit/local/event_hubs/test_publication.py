"""Publications of the SDK are read into events without decoding their bodies."""

import contextlib
from typing import Any

import pytest
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import BatchMessage, Header, Message, Properties
from hypothesis import given
from hypothesis import strategies as st

from local.event_hubs.amqp_encoding import MalformedEncodingError
from local.event_hubs.publication import read_publication


def encode(message: Message | BatchMessage) -> bytes:
    output = bytearray()
    encode_payload(output, message)
    return bytes(output)


def test_a_single_event_keeps_its_body_and_properties() -> None:
    message = Message(
        data=[b"hello"], properties=Properties(message_id="m"), application_properties={"a": 1}
    )
    publication = read_publication(encode(message))
    assert [event.body for event in publication.events] == [encode(message)]
    assert publication.partition_key is None


def test_a_batch_is_read_into_its_events_in_order() -> None:
    encoded = [encode(Message(data=[body])) for body in (b"one", b"two", b"three")]
    publication = read_publication(encode(BatchMessage(data=encoded)))
    assert [event.body for event in publication.events] == encoded


def test_a_batch_of_one_event_is_a_batch() -> None:
    encoded = encode(Message(data=[b"alone"]))
    assert [
        event.body for event in read_publication(encode(BatchMessage(data=[encoded]))).events
    ] == [encoded]


@pytest.mark.parametrize(
    "body", [b"", b"\x00Sz", b"\x00Su\xa0\xff", b"\x00", b"{}", b"\x00S\x24\x45"]
)
def test_a_body_that_is_not_a_message_makes_a_single_event(body: bytes) -> None:
    assert len(read_publication(encode(Message(data=[body]))).events) == 1


@pytest.mark.parametrize("key", ["k", "ключ", "x" * 300])
def test_the_partition_key_is_read_from_a_batch_and_from_an_event(key: str) -> None:
    keyed = Message(
        data=[b"a"], header=Header(durable=True), message_annotations={b"x-opt-partition-key": key}
    )
    assert read_publication(encode(keyed)).partition_key == key
    inner = encode(Message(data=[b"a"]))
    batch = BatchMessage(data=[inner], message_annotations={b"x-opt-partition-key": key})
    assert read_publication(encode(batch)).partition_key == key
    assert read_publication(encode(BatchMessage(data=[encode(keyed)]))).partition_key == key


def test_the_producers_annotations_are_kept_and_the_services_are_not() -> None:
    annotations: dict[str | bytes, Any] = {
        b"x-opt-mine": "m",
        b"x-opt-sequence-number": 7,
        b"x-opt-offset": "9",
        b"other": 1,
    }
    event = read_publication(encode(Message(data=[b"a"], message_annotations=annotations))).events[
        0
    ]
    assert event.annotation_items == 4
    assert b"x-opt-mine" in event.annotations
    assert b"x-opt-sequence-number" not in event.annotations
    assert event.body == encode(Message(data=[b"a"]))


@given(st.binary(max_size=200))
def test_malformed_bytes_are_refused_with_one_kind_of_error(data: bytes) -> None:
    with contextlib.suppress(MalformedEncodingError, UnicodeDecodeError):
        read_publication(data)


@given(st.integers(1, 60))
def test_a_publication_that_is_cut_off_is_refused(missing: int) -> None:
    message = encode(Message(data=[b"x" * 80], message_annotations={b"x-opt-partition-key": "k"}))
    with pytest.raises(MalformedEncodingError):
        read_publication(message[:-missing])
