"""A publication: the bytes of one message that a producer sent, read into events without decoding
their bodies.
"""

from dataclasses import dataclass

from local.event_hubs.amqp_encoding import (
    MalformedEncodingError,
    Section,
    end_of_value,
    map_items,
    sections,
    variable_bytes,
)

# AMQP 1.0 part 3 (messaging), section 3.2.
HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
DATA = 0x75
_FOOTER = 0x78

PARTITION_KEY = b"x-opt-partition-key"
# Annotations that the service sets; a received event that is sent again carries the old values.
_WRITTEN_BY_THE_SERVICE = {
    b"x-opt-sequence-number",
    b"x-opt-offset",
    b"x-opt-enqueued-time",
    PARTITION_KEY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedEvent:
    """An event as its producer encoded it, cut where the service adds its own annotations."""

    header: bytes  # encoded header section; empty: there was none
    annotations: bytes  # encoded keys and values of the producer's own annotations
    annotation_items: int  # keys and values in `annotations` (twice the pairs)
    body: bytes  # all sections after the annotations, unchanged
    partition_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """An event or a batch, accepted or rejected as a whole."""

    events: list[PublishedEvent]
    partition_key: str | None  # of the batch, else of its first event


def read_publication(message: bytes) -> Publication:
    """The events in an encoded message; a batch is a message whose data sections are encoded
    messages.

    The SDK marks a batch with message format 0x80013700, but Proton's Python binding does not
    expose a delivery's format, so the structure decides: a single event whose whole body is itself
    an encoded AMQP message would be taken for a batch. Raises MalformedEncodingError.
    """
    outer = _read_event(message)
    batch = _batched_messages(message)
    if batch is None:
        return Publication(events=[outer], partition_key=outer.partition_key)
    events = [_read_event(encoded) for encoded in batch]
    return Publication(events=events, partition_key=outer.partition_key or events[0].partition_key)


def _batched_messages(message: bytes) -> list[bytes] | None:
    """The encoded messages in the data sections, or None if a data section is
    not a message."""
    messages = [
        variable_bytes(message, part.value_at) for part in sections(message) if part.code == DATA
    ]
    if messages and all(_is_message(encoded) for encoded in messages):
        return messages
    return None


def _is_message(data: bytes) -> bool:
    try:
        codes = [part.code for part in sections(data)]
    except MalformedEncodingError:
        return False
    return bool(codes) and all(HEADER <= code <= _FOOTER for code in codes)


def _read_event(message: bytes) -> PublishedEvent:
    header = annotations = b""
    items = 0
    partition_key: str | None = None
    body_at = 0
    for part in sections(message):
        if part.code == HEADER:
            header = message[part.start : part.end]
        elif part.code == MESSAGE_ANNOTATIONS:
            annotations, items, partition_key = _read_annotations(message, part)
        elif part.code != DELIVERY_ANNOTATIONS:
            break
        body_at = part.end
    return PublishedEvent(
        header=header,
        annotations=annotations,
        annotation_items=items,
        body=message[body_at:],
        partition_key=partition_key,
    )


def _read_annotations(message: bytes, part: Section) -> tuple[bytes, int, str | None]:
    sections: list[bytes] = []
    partition_key: str | None = None
    for key_at, value_at, end in map_items(message, part.value_at):
        # The AMQP rule is symbol or ulong; only symbols can be the service's.
        key = (
            variable_bytes(message, key_at) if message[key_at] in (0xA3, 0xB3, 0xA1, 0xB1) else b""
        )
        if key == PARTITION_KEY and end_of_value(message, value_at) > value_at + 1:
            partition_key = variable_bytes(message, value_at).decode()
        if key not in _WRITTEN_BY_THE_SERVICE:
            sections.append(message[key_at:end])
    return b"".join(sections), 2 * len(sections), partition_key
