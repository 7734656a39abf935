"""The request's body on its way upstream: bounded, in pieces, and again if it is held."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterable, MutableMapping, Sequence
from typing import Any

import pytest

from shared.errors import BodyTooLarge, ClientDisconnected
from shared.relay.body_memory import BodyLease, BodyMemory
from shared.relay.request_body import HeldBody, IncomingBody, PassingBody

pytestmark = pytest.mark.anyio
LIMIT = 10


def incoming(
    pieces: Sequence[bytes | None], announced: str = "", *, limit: int = LIMIT
) -> IncomingBody:
    """A body that comes in these pieces; None is the client's disconnect."""
    messages = [
        {"type": "http.disconnect"}
        if piece is None
        else {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
        for number, piece in enumerate(pieces)
    ]
    arriving = iter(messages)

    async def receive() -> MutableMapping[str, Any]:
        return next(arriving)

    return IncomingBody(receive, announced, limit)


def sample_lease() -> BodyLease:
    return BodyMemory(100 * 2**20).lease()


async def all_of(body: AsyncIterable[bytes]) -> list[bytes]:
    return [piece async for piece in body]


@pytest.mark.parametrize(
    "pieces", [[b"1234567890"], [b"12345", b"", b"67890", b""], [b""]], ids=str
)
async def test_a_body_within_the_limit_is_read_whole(pieces: list[bytes]) -> None:
    """Up to the limit's last byte; empty pieces are nothing."""
    pieces_read: list[bytes] = []
    assert await incoming(pieces).read(pieces_read.append, sample_lease()) == b"".join(pieces)
    assert pieces_read == [piece for piece in pieces if piece]
    assert await all_of(incoming(pieces).pieces()) == [piece for piece in pieces if piece]


@pytest.mark.parametrize("pieces", [[b"12345678901"], [b"1234567890", b"1", b"2"]], ids=str)
async def test_a_body_is_too_large_as_soon_as_that_shows(pieces: list[bytes]) -> None:
    """Nothing beyond the limit is passed on."""
    pieces_read: list[bytes] = []
    body = PassingBody(
        incoming(pieces),
        on_piece=pieces_read.append,
        on_complete=lambda: None,
        on_disconnect=lambda: None,
    )
    with pytest.raises(BodyTooLarge):
        await all_of(body)
    assert len(b"".join(pieces_read)) <= LIMIT


async def test_a_body_that_announces_too_much_is_not_read() -> None:
    """A Content-Length over the limit is enough to reject the body."""
    with pytest.raises(BodyTooLarge):
        await incoming([], announced=str(LIMIT + 1)).read(lambda _: None, sample_lease())


@pytest.mark.parametrize("announced", ["", "abc", "-1", "1, 1"])
async def test_an_odd_content_length_is_ignored(announced: str) -> None:
    """The body's own size counts."""
    assert incoming([b"1"], announced=announced).announced_bytes is None


async def test_a_client_that_disconnects_within_its_body() -> None:
    """The disconnect is not taken for the body's end, and the pieces before it are noted."""
    pieces_read: list[bytes] = []
    with pytest.raises(ClientDisconnected):
        await incoming([b"1", None]).read(pieces_read.append, sample_lease())
    assert pieces_read == [b"1"]


async def test_a_large_body_is_put_together_as_it_comes() -> None:
    """A join at the end would hold it twice, and stop every other stream meanwhile."""
    piece, count = bytes(64 * 1024), 16 * 16
    body = incoming([piece] * count, limit=count * len(piece))
    tracemalloc.start()
    try:
        received = await body.read(lambda _: None, sample_lease())
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(received) == count * len(piece)
    assert most_bytes < 1.5 * len(received)


async def test_a_held_body_can_be_sent_again() -> None:
    """In pieces of 64 KiB at most, from parts that are views as well."""
    data = bytes(range(256)) * 1000
    body = HeldBody(memoryview(data)[:70_000], b"added", memoryview(data)[70_000:])
    assert body.size_bytes == len(data) + 5
    for _ in range(2):
        pieces = await all_of(body)
        assert b"".join(pieces) == data[:70_000] + b"added" + data[70_000:]
        assert max(map(len, pieces)) <= 64 * 1024
        assert {type(piece) for piece in pieces} == {bytes}


async def test_a_held_body_is_dropped_unless_it_is_being_sent() -> None:
    """An upstream may answer before it has all of it."""
    body = HeldBody(bytes(100_000))
    sending = aiter(body)
    await anext(sending)
    assert not body.drop()
    assert len(b"".join([piece async for piece in sending])) == 100_000 - 64 * 1024
    assert body.drop()
    assert (await all_of(body), body.size_bytes) == ([], 100_000)


@pytest.mark.parametrize(("size", "whole"), [(0, True), (65_536, True), (65_537, False)])
async def test_a_short_held_body_is_one_piece(size: int, whole: bool) -> None:
    """Whatever its parts are."""
    data = bytes(range(256)) * 256 + b"!"
    body = HeldBody(memoryview(data)[: size // 2], data[size // 2 : size])
    pieces = await all_of(body)
    assert b"".join(pieces) == data[:size]
    assert (len(pieces) == 1) is whole
    assert {type(piece) for piece in pieces} == {bytes}


async def test_a_body_passes_as_it_comes() -> None:
    """The body notes each piece before it passes it on, and reports once that the last has gone."""
    pieces_read: list[bytes] = []
    ends: list[int] = []
    body = PassingBody(
        incoming([b"12", b"34"], announced="4"),
        on_piece=pieces_read.append,
        on_complete=lambda: ends.append(len(pieces_read)),
        on_disconnect=lambda: None,
    )
    assert body.size_bytes == 4
    async for piece in body:
        assert pieces_read[-1] == piece
        assert not ends
    assert (pieces_read, ends, body.error) == ([b"12", b"34"], [2], None)


@pytest.mark.parametrize(
    ("pieces", "error"), [([b"1", None], ClientDisconnected), ([b"1", b"2" * 10], BodyTooLarge)]
)
async def test_a_body_that_could_not_be_passed_on_says_why(
    pieces: list[bytes | None], error: type[Exception]
) -> None:
    """The client library wraps what its body raises; the relay looks here. It was never whole."""
    ends: list[int] = []
    disconnects: list[int] = []
    body = PassingBody(
        incoming(pieces),
        on_piece=lambda _: None,
        on_complete=lambda: ends.append(1),
        on_disconnect=lambda: disconnects.append(1),
    )
    with pytest.raises(error):
        await all_of(body)
    assert isinstance(body.error, error)
    assert (ends, disconnects) == ([], [1] if error is ClientDisconnected else [])
