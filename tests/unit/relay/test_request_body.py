"""The request's body on its way upstream: bounded, in pieces, and again if it is held."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.errors import BodyTooLarge, ClientDisconnected
from shared.relay.body_memory import BodyLease, BodyMemory
from shared.relay.request_body import HeldBody, IncomingBody, announced_bytes

pytestmark = pytest.mark.anyio
LIMIT = 10


@dataclass
class RecordingListener:
    """A BodyListener that counts."""

    pieces: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # how many pieces had arrived at each
    disconnects: int = 0

    def piece_arrived(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def body_passed_on(self) -> None:
        self.ends.append(len(self.pieces))

    def client_disconnected(self) -> None:
        self.disconnects += 1


def incoming(
    pieces: Sequence[bytes | None],
    announced: int | None = None,
    *,
    limit: int = LIMIT,
    listener: RecordingListener | None = None,
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

    return IncomingBody(receive, announced, limit, listener or RecordingListener())


def sample_lease() -> BodyLease:
    return BodyMemory(100 * 2**20).lease()


async def all_of(body: AsyncIterable[bytes]) -> list[bytes]:
    return [piece async for piece in body]


@pytest.mark.parametrize(
    "pieces", [[b"1234567890"], [b"12345", b"", b"67890", b""], [b""]], ids=str
)
async def test_a_body_within_the_limit_is_read_whole(pieces: list[bytes]) -> None:
    """It may reach the limit's last byte; empty pieces are nothing."""
    listener = RecordingListener()
    read = await incoming(pieces, listener=listener).read(sample_lease())
    assert read == b"".join(pieces)
    assert listener.pieces == [piece for piece in pieces if piece]
    assert await all_of(incoming(pieces)) == listener.pieces


@pytest.mark.parametrize("pieces", [[b"12345678901"], [b"1234567890", b"1", b"2"]], ids=str)
async def test_a_body_is_too_large_as_soon_as_that_shows(pieces: list[bytes]) -> None:
    """Nothing beyond the limit is passed on."""
    listener = RecordingListener()
    with pytest.raises(BodyTooLarge):
        await all_of(incoming(pieces, listener=listener))
    assert len(b"".join(listener.pieces)) <= LIMIT


async def test_a_body_that_announces_too_much_is_not_read() -> None:
    """A Content-Length over the limit is enough to reject the body."""
    with pytest.raises(BodyTooLarge):
        await incoming([], announced=LIMIT + 1).read(sample_lease())


@pytest.mark.parametrize("announced", ["abc", "-1", "1, 1"])
def test_an_odd_content_length_is_ignored(announced: str) -> None:
    """The body's own size counts."""
    assert announced_bytes([(b"content-length", announced.encode())]) is None
    assert (announced_bytes([]), announced_bytes([(b"Content-Length", b"1")])) == (None, 1)


async def test_a_client_that_disconnects_within_its_body() -> None:
    """The disconnect is not taken for the body's end, and the pieces before it are noted."""
    listener = RecordingListener()
    with pytest.raises(ClientDisconnected):
        await incoming([b"1", None], listener=listener).read(sample_lease())
    assert listener.pieces == [b"1"]


async def test_a_large_body_is_put_together_as_it_comes() -> None:
    """A join at the end would hold it twice, and stop every other stream meanwhile."""
    piece, count = bytes(64 * 1024), 16 * 16
    body = incoming([piece] * count, limit=count * len(piece))
    tracemalloc.start()
    try:
        received = await body.read(sample_lease())
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(received) == count * len(piece)
    assert most_bytes < 1.5 * len(received)


async def test_a_held_body_can_be_sent_again() -> None:
    """It is sent in pieces of 64 KiB at most, from parts that are views as well."""
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
    """Its parts do not matter."""
    data = bytes(range(256)) * 256 + b"!"
    body = HeldBody(memoryview(data)[: size // 2], data[size // 2 : size])
    pieces = await all_of(body)
    assert b"".join(pieces) == data[:size]
    assert (len(pieces) == 1) is whole
    assert {type(piece) for piece in pieces} == {bytes}


async def test_a_body_passes_as_it_comes() -> None:
    """The body notes each piece before it passes it on, and reports once that the last has gone."""
    listener = RecordingListener()
    body = incoming([b"12", b"34"], announced=4, listener=listener)
    assert body.size_bytes == 4
    async for piece in body:
        assert listener.pieces[-1] == piece
        assert not listener.ends
    assert (listener.pieces, listener.ends, body.error) == ([b"12", b"34"], [2], None)


@pytest.mark.parametrize(
    ("pieces", "error"), [([b"1", None], ClientDisconnected), ([b"1", b"2" * 10], BodyTooLarge)]
)
async def test_a_body_that_could_not_be_passed_on_says_why(
    pieces: list[bytes | None], error: type[Exception]
) -> None:
    """The client library wraps what its body raises; the relay looks here. It was never whole."""
    listener = RecordingListener()
    body = incoming(pieces, listener=listener)
    with pytest.raises(error):
        await all_of(body)
    assert isinstance(body.error, error)
    assert (listener.ends, listener.disconnects) == ([], int(error is ClientDisconnected))
