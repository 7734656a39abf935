"""The times at which the pieces of a response arrived, as a capture's header holds them."""

from __future__ import annotations

import base64
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.exchange import piece_times
from shared.core.records.exchange.capture import load_header, preamble, without_body
from shared.core.records.exchange.piece_times import MAX_PIECES, PieceTimes
from shared.core.wire.json.json_shape import Json

_PIECES = st.lists(st.tuples(st.integers(0, 2**31), st.floats(0, 1_800_000)), max_size=50)


def _note(*pieces: tuple[int, float]) -> PieceTimes:
    noted = PieceTimes()
    for size, at_ms in pieces:
        noted.sizes.append(size)
        noted.times_ms.append(at_ms)
    return noted


@given(_PIECES)
def test_a_header_gives_back_what_was_noted(pieces: list[tuple[int, float]]) -> None:
    """The times are exact to a tenth of a millisecond, for half an hour."""
    noted = _note(*pieces)
    read = piece_times.read(json.loads(json.dumps({"pieces": noted.to_json()})))
    assert [received for received, _ in read] == [
        received for received, _ in noted.first(len(pieces))
    ]
    assert [at_ms for _, at_ms in read] == pytest.approx([at_ms for _, at_ms in pieces], abs=0.1)


def test_the_bytes_are_little_endian_on_every_machine() -> None:
    """A capture may be read elsewhere."""
    pieces = _note((3, 1.5), (4, 2.0)).to_json()
    assert pieces == {
        "bytes": base64.b64encode(struct.pack("<2I", 3, 4)).decode(),
        "ms": base64.b64encode(struct.pack("<2f", 1.5, 2.0)).decode(),
    }
    assert piece_times.read({"pieces": pieces}) == ((3, 1.5), (7, 2.0))


def test_the_longest_fits_into_a_header_of_64_kb() -> None:
    """Readers take so much of a capture to find its header."""
    noted = _note(*((100, number * 20.0) for number in range(MAX_PIECES)))
    assert len(json.dumps(noted.to_json())) < 48_000


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        {"bytes": 1, "ms": []},
        {"bytes": "not base64!", "ms": "AAAAAA=="},
        {"bytes": "AAAAAA==", "ms": "\u00e4"},
        {"bytes": "AAAAAA==", "ms": base64.b64encode(struct.pack("<f", float("nan"))).decode()},
    ],
    ids=repr,
)
def test_what_holds_no_times_reads_as_none(value: Json) -> None:
    """An event is built all the same."""
    assert piece_times.read({"pieces": value}) == ()


def test_they_are_erased_with_the_body() -> None:
    """The sizes of the pieces say much about the text."""
    header = load_header(preamble({"pieces": _note((3, 1.5)).to_json(), "status_code": 200}))
    assert load_header(without_body(header)) == {"status_code": 200, "erased": True}
