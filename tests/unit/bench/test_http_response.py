"""How the load generator reads responses."""

from __future__ import annotations

import itertools
import random

import pytest

from bench.http_response import ResponseReader, decode_chunked, events, problem

_EVENT = b'data: {"a": 1}\n\n'
_STREAM = [_EVENT, _EVENT, b"data: [DONE]\n\n"]
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNKED = (
    _HEAD + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _STREAM) + b"0\r\n\r\n"
)
_SIZED = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a": 10}'


def _read(pieces: list[bytes]) -> tuple[ResponseReader, list[bool]]:
    reader = ResponseReader()
    return reader, [reader.feed(piece, float(at)) for at, piece in enumerate(pieces)]


def _cut(raw: bytes, seed: int) -> list[bytes]:
    rng = random.Random(seed)  # noqa: S311 - to be repeatable is the point
    places = sorted({0, len(raw), *(rng.randrange(len(raw)) for _ in range(8))})
    return [raw[start:end] for start, end in itertools.pairwise(places)]


@pytest.mark.parametrize("raw", [_CHUNKED, _SIZED])
@pytest.mark.parametrize("seed", range(20))
def test_a_response_is_whole_with_its_last_byte(raw: bytes, seed: int) -> None:
    """A response is whole with its last byte however it was cut."""
    pieces = _cut(raw, seed)
    _, whole = _read(pieces)
    assert whole == [False] * (len(pieces) - 1) + [True]


@pytest.mark.parametrize("raw", [_CHUNKED, _SIZED])
def test_a_response_that_comes_byte_by_byte_is_the_same(raw: bytes) -> None:
    reader, whole = _read([bytes([byte]) for byte in raw])
    assert whole.index(True) == len(raw) - 1
    assert reader.body() == _read([raw])[0].body()


def test_the_first_byte_is_the_bodys_not_the_heads() -> None:
    reader, _ = _read([_HEAD[:10], _HEAD[10:], _CHUNKED[len(_HEAD) :]])
    assert reader.first_byte_at == 2.0


def test_an_empty_chunked_body_ends() -> None:
    reader, whole = _read([_HEAD + b"0\r\n\r\n"])
    assert whole == [True]
    assert reader.body() == b""


def test_unchunked_takes_the_framing_away() -> None:
    assert decode_chunked(_CHUNKED[len(_HEAD) :]) == b"".join(_STREAM)


def test_events_are_counted_across_chunks() -> None:
    """Events are counted even if the relay cut chunks elsewhere."""
    assert events(b"".join(_STREAM)) == 3


@pytest.mark.parametrize(
    ("raw", "chunks", "expected"),
    [
        (_CHUNKED, 3, None),
        (_CHUNKED, 4, "3 events instead of 4"),
        (_SIZED, None, None),
        (_CHUNKED, None, "no JSON"),
        (_CHUNKED.replace(b"[DONE]", b"{}1234"), 3, "no [DONE]"),
        (_SIZED.replace(b"200 OK", b"502 Bad Gateway"), None, "status 502"),
    ],
)
def test_what_is_wrong_with_a_response_is_named(
    raw: bytes, chunks: int | None, expected: str | None
) -> None:
    assert problem(_read([raw])[0], chunks) == expected
