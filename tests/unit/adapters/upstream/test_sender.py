"""The body of a request as httpx's stream: in one piece if that is cheap, otherwise as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from shared.adapters.upstream.sender import request_stream

pytestmark = pytest.mark.anyio


@dataclass
class PiecesBody:
    """A body of these pieces, which counts how many of them were read."""

    parts: list[bytes]
    is_repeatable: bool = True
    size_bytes: int | None = field(init=False)
    read_count: int = 0

    def __post_init__(self) -> None:
        self.size_bytes = sum(map(len, self.parts))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            self.read_count += 1
            yield part


async def all_of(stream: httpx.AsyncByteStream) -> list[bytes]:
    return [piece async for piece in stream]


@pytest.mark.parametrize(
    "parts",
    [[], [b"a"], [b"a", b"b"], [b"a", bytes(32_767)]],
    ids=["empty", "one", "two", "longest"],
)
async def test_a_short_body_that_has_arrived_is_one_piece(parts: list[bytes]) -> None:
    """The transport writes it without an iterator."""
    stream = await request_stream(PiecesBody(parts))
    assert isinstance(stream, httpx.ByteStream)
    assert await all_of(stream) == [b"".join(parts)]


async def test_a_longer_body_comes_in_its_pieces() -> None:
    """Each attempt gets all of them."""
    body = PiecesBody([b"a", bytes(32_768)])
    for _ in range(2):
        stream = await request_stream(body)
        assert not isinstance(stream, httpx.ByteStream)
        assert isinstance(stream, httpx.AsyncByteStream)  # httpx's own transport takes no other
        assert await all_of(stream) == body.parts


@pytest.mark.parametrize("size_bytes", [2, None])
async def test_a_body_that_passes_is_not_read_ahead(size_bytes: int | None) -> None:
    """The request goes upstream before the client has sent all of its body."""
    body = PiecesBody([b"a", b"b"], is_repeatable=False)
    body.size_bytes = size_bytes
    stream = await request_stream(body)
    assert body.read_count == 0
    assert await all_of(stream) == [b"a", b"b"]
