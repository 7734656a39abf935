"""The SDK reads every performative by position; the padding gives it all the positions."""

import struct

import pytest
from azure.eventhub._pyamqp._decode import decode_frame
from hypothesis import given
from hypothesis import strategies as st

from local.event_hubs.frame_padding import FIELD_COUNTS, FramePadder, pad_frame

# Encoded fields and what the SDK's decoder makes of them.
FIELDS: list[tuple[bytes, object]] = [
    (b"\x40", None),
    (b"\x41", True),
    (b"\x43", 0),
    (b"\x52\x07", 7),
    (b"\x70\x00\x01\x00\x00", 65536),
    (b"\xa1\x03abc", b"abc"),
    (b"\xb0\x00\x00\x00\x02\x00\xff", b"\x00\xff"),
    (b"\xc1\x01\x00", {}),
    (b"\x00\x53\x24\x45", {"accepted": []}),
]
PROTOCOL_HEADER = b"AMQP\x00\x01\x00\x00"
EMPTY_FRAME = struct.pack(">IBBH", 8, 2, 0, 0)
SASL_FRAME = struct.pack(">IBBH", 20, 2, 1, 0) + b"\x00\x53\x44\xc0\x03\x01\x50\x00" + b"\x00" * 4


@st.composite
def performatives(draw: st.DrawFn) -> tuple[bytes, int, list[object], bytes]:
    """(frame, code, decoded fields, payload): as Proton writes it, trailing nulls left out."""
    code = draw(st.sampled_from(sorted(FIELD_COUNTS)))
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=FIELD_COUNTS[code]))
    payload = draw(st.binary(max_size=64)) if code == 0x14 else b""
    encoded = b"".join(raw for raw, _ in fields)
    lists = [
        struct.pack(">BBB", 0xC0, len(encoded) + 1, len(fields)),
        struct.pack(">BII", 0xD0, len(encoded) + 4, len(fields)),
    ]
    head = draw(st.sampled_from(lists)) if fields else draw(st.sampled_from([*lists, b"\x45"]))
    descriptor = draw(
        st.sampled_from([b"\x00\x53" + bytes([code]), b"\x00\x80" + code.to_bytes(8, "big")])
    )
    body = descriptor + head + encoded + payload
    frame = struct.pack(">IBBH", 8 + len(body), 2, 0, draw(st.integers(0, 65535))) + body
    return frame, code, [value for _, value in fields], payload


@given(performatives())
def test_every_performative_reaches_the_sdk_with_all_its_fields(
    case: tuple[bytes, int, list[object], bytes],
) -> None:
    frame, code, values, payload = case
    padded = pad_frame(frame)
    decoded_code, decoded = decode_frame(memoryview(padded)[8:])
    assert decoded_code == code
    assert int.from_bytes(padded[:4], "big") == len(padded)
    assert padded[4:8] == b"\x02\x00" + frame[6:8]
    expected = values + [None] * (FIELD_COUNTS[code] - len(values))
    if code == 0x14:
        assert bytes(decoded.pop() or b"") == payload
    assert decoded == expected


@given(performatives())
def test_a_padded_frame_is_at_most_22_bytes_longer(
    case: tuple[bytes, int, list[object], bytes],
) -> None:
    assert len(pad_frame(case[0])) <= len(case[0]) + 22


@given(performatives())
def test_padding_twice_changes_nothing(case: tuple[bytes, int, list[object], bytes]) -> None:
    once = pad_frame(case[0])
    assert pad_frame(once) == once


@given(st.lists(performatives(), max_size=5), st.data())
def test_the_stream_may_be_cut_anywhere(
    cases: list[tuple[bytes, int, list[object], bytes]], data: st.DataObject
) -> None:
    frames = [SASL_FRAME, PROTOCOL_HEADER, *(frame for frame, *_ in cases), EMPTY_FRAME]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    padder = FramePadder()
    parts = [
        padder.feed(stream[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]
    assert b"".join(parts) == b"".join(pad_frame(frame) for frame in frames)


def test_the_stream_may_come_byte_by_byte() -> None:
    frame = struct.pack(">IBBH", 12, 2, 0, 0) + b"\x00\x53\x18\x45"
    padder = FramePadder()
    parts = [padder.feed(bytes([byte])) for byte in PROTOCOL_HEADER + frame]
    assert b"".join(parts) == PROTOCOL_HEADER + pad_frame(frame)
    assert [len(part) > 0 for part in parts].count(True) == 2


@pytest.mark.parametrize("frame", [PROTOCOL_HEADER, EMPTY_FRAME, SASL_FRAME])
def test_other_frames_than_performatives_pass_unchanged(frame: bytes) -> None:
    assert pad_frame(frame) == frame
