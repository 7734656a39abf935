"""Pads Proton's frames so that the azure-eventhub SDK can read them.

AMQP lets a sender leave out trailing nulls of a performative, and Proton does. The SDK's own AMQP
layer (_pyamqp) indexes the fields by position (`frame[11]`) and breaks on a short list. So every
performative is sent with all its fields.

A padded frame is at most 22 bytes longer than the one Proton sized to the peer's max-frame-size.
The SDK reads frames of any size.
"""

import struct

from local.event_hubs.amqp_encoding import descriptor, end_of_value

# Field counts: AMQP 1.0 part 2 (transport), section 2.7. A transfer's payload follows its list and
# is not a field.
FIELD_COUNTS = {
    0x10: 10,  # open
    0x11: 8,  # begin
    0x12: 14,  # attach
    0x13: 11,  # flow
    0x14: 11,  # transfer
    0x15: 6,  # disposition
    0x16: 3,  # detach
    0x17: 1,  # end
    0x18: 1,  # close
}

_HEADER = struct.Struct(">IBBH")  # size, data offset in words, frame type, channel
_PROTOCOL = b"AMQP"
_AMQP_FRAME = 0
_NULL = b"\x40"


class FramePadder:
    """Pads the frames in a stream of bytes, however the stream is cut."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The padded form of every complete frame so far."""
        self._pending += data
        frames: list[bytes] = []
        at = 0
        while len(self._pending) - at >= _HEADER.size:
            size = self._size_at(at)
            if len(self._pending) - at < size:
                break
            frames.append(pad_frame(bytes(self._pending[at : at + size])))
            at += size
        del self._pending[:at]
        return b"".join(frames)

    def _size_at(self, at: int) -> int:
        # A protocol header ("AMQP", id, version) stands between the SASL frames and the AMQP
        # frames.
        if self._pending[at : at + 4] == _PROTOCOL:
            return _HEADER.size
        return int(_HEADER.unpack_from(self._pending, at)[0])


def pad_frame(frame: bytes) -> bytes:
    """The frame with every field of its performative; SASL frames, empty frames and protocol
    headers are unchanged.
    """
    if frame[:4] == _PROTOCOL:
        return frame
    _, offset_words, frame_type, channel = _HEADER.unpack_from(frame)
    body_at = offset_words * 4
    if frame_type != _AMQP_FRAME or body_at == len(frame):
        return frame
    code, list_at = descriptor(frame, body_at)
    field_count = FIELD_COUNTS.get(code)
    if field_count is None:
        return frame
    count, fields_at = _list_head(frame, list_at)
    list_end = end_of_value(frame, list_at)
    fields = frame[fields_at:list_end] + _NULL * (field_count - count)
    body = (
        struct.pack(">BBBBII", 0x00, 0x53, code, 0xD0, len(fields) + 4, field_count)
        + fields
        + frame[list_end:]
    )
    return _HEADER.pack(_HEADER.size + len(body), 2, _AMQP_FRAME, channel) + body


def _list_head(frame: bytes, at: int) -> tuple[int, int]:
    """(number of fields, position of the first) of the list at `at`."""
    constructor = frame[at]
    if constructor == 0x45:
        return 0, at + 1
    if constructor == 0xC0:
        return frame[at + 2], at + 3
    if constructor == 0xD0:
        return int(struct.unpack_from(">I", frame, at + 5)[0]), at + 9
    raise ValueError(f"a performative must be a list, not 0x{constructor:02x}")
