"""The transport passes responses on as they arrive."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from tests.integration.support.tiny_server import Connection, serving
from tests.integration.upstream.transport_calls import (
    LONG_S,
    Pieces,
    body_of,
    read_on,
    sample_request,
    sample_transport,
)

pytestmark = pytest.mark.anyio


async def test_a_response_comes_down_unchanged() -> None:
    """Status, headers and body."""
    packed = gzip.compress(b"answer" * 100)

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Name: \xc5\xbe\xff\r\n"
        )
        await connection.say(
            b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
        )

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        assert response.status_code == 429
        assert response.headers.raw == [
            (b"Retry-After", b"7"),
            (b"Set-Cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"X-Name", b"\xc5\xbe\xff"),
            (b"Content-Encoding", b"gzip"),
            (b"Content-Length", str(len(packed)).encode()),
        ]
        assert await body_of(response) == packed


async def header_count(of: int) -> int:
    """The number of headers that come down of a response with so many."""

    async def script(connection: Connection) -> None:
        await connection.head()
        lines = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 100) for number in range(of - 1))
        await connection.say(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n")

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        return len(response.headers.raw)


async def test_the_number_of_headers_has_a_bound() -> None:
    """An upstream that never stops sending them would fill the worker."""
    assert await header_count(500) == 500
    with pytest.raises(httpx.RemoteProtocolError):
        await header_count(513)


async def test_pieces_come_down_as_they_arrive() -> None:
    received = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await asyncio.wait_for(received.wait(), LONG_S)
        await connection.say(b"6\r\nsecond\r\n0\r\n\r\n")

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        pieces: list[bytes] = []
        await read_on(response, pieces, received)
        await response.aclose()
    assert pieces == [b"first", b"second"]


async def test_a_redirect_is_a_response_like_any_other() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 307 Elsewhere\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
        )

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url, b"{}"))
        assert (response.status_code, response.headers["location"]) == (307, "/other")
        await response.aclose()
    assert server.connections == 1


async def test_no_later_request_carries_a_cookie() -> None:
    """A response's cookie reaches no other caller."""
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        for _ in range(2):
            heads.append(await connection.head())
            await connection.say(
                b"HTTP/1.1 200 OK\r\nSet-Cookie: session=of-caller-a; Path=/\r\nContent-Length: 0\r\n\r\n"
            )

    async with serving(script) as server, sample_transport() as transport:
        for _ in range(2):
            await body_of(await transport.handle_async_request(sample_request(server.url)))
    assert len(heads) == 2
    assert all(b"cookie" not in head.lower() for head in heads)


async def test_headers_of_many_kilobytes_are_taken() -> None:
    large = b"x" * 60_000

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 200 OK\r\nX-Policy: " + large + b"\r\nContent-Length: 0\r\n\r\n"
        )

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        assert response.headers["x-policy"].encode() == large
        await response.aclose()


def answer_of(line_count: int) -> bytes:
    """Headers alone, in so many lines."""
    lines = [b"X-Policy-%d: %d" % (number, number) for number in range(1, line_count)]
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: 0", b"", b""])


async def test_many_header_lines_are_taken() -> None:
    """More than aiohttp takes by default."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(answer_of(129))

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        assert len(response.headers.raw) == 129
        assert response.headers["x-policy-128"] == "128"
        await response.aclose()


async def test_too_many_header_lines_are_an_error() -> None:
    """A protocol error."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(answer_of(4097))

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(sample_request(server.url))


async def test_a_response_to_an_unfinished_request() -> None:
    """It is read while the request's body is still being sent."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"
        )
        await connection.closed_by_client()

    async with serving(script) as server, sample_transport() as transport:
        body = Pieces(*[b"x" * 65536] * 4, pause_s=LONG_S)
        response = await transport.handle_async_request(sample_request(server.url, body=body))
        assert response.status_code == 413
        assert await body_of(response) == b"large"
        assert not body.ended.is_set()
