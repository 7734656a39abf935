"""The transport's failures are httpx's, within the timeouts of the request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time

import httpx
import pytest

from tests.integration.support.tiny_server import Connection, serving
from tests.integration.upstream.transport_calls import (
    LONG_S,
    SHORT_S,
    body_of,
    keep_answering,
    read_on,
    sample_request,
    sample_transport,
)

pytestmark = pytest.mark.anyio


async def test_an_address_without_a_listener() -> None:
    with socket.socket() as not_listening:
        not_listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{not_listening.getsockname()[1]}"
        async with sample_transport() as transport:
            with pytest.raises(httpx.ConnectError):
                await transport.handle_async_request(sample_request(url))


async def test_an_unknown_host_is_a_connect_error() -> None:
    async with sample_transport() as transport:
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(sample_request("http://fnsse.invalid"))


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: elsewhere a full backlog refuses")
async def test_the_connect_timeout_bounds_the_handshake() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # the kernel drops what does not fit the backlog, and so answers nothing
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with sample_transport() as transport:
            with pytest.raises(httpx.ConnectTimeout):
                await transport.handle_async_request(sample_request(url, connect=SHORT_S))


async def test_the_wait_for_a_free_connection() -> None:
    """The connect timeout bounds it."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await connection.closed_by_client()

    async with serving(script) as server, sample_transport(max_connections=1) as transport:
        busy = await transport.handle_async_request(sample_request(server.url))
        with pytest.raises((httpx.ConnectTimeout, httpx.PoolTimeout)):
            await transport.handle_async_request(sample_request(server.url, connect=SHORT_S))
        await busy.aclose()


async def test_the_write_timeout() -> None:
    """It bounds each piece of the body."""

    async def script(connection: Connection) -> None:
        await connection.head()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
        await asyncio.sleep(LONG_S)

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises(httpx.WriteTimeout):
            await transport.handle_async_request(
                sample_request(server.url, *[b"x" * 65536] * 400, write=SHORT_S)
            )


async def test_a_body_that_moves_may_take_long() -> None:
    async with serving(keep_answering) as server, sample_transport() as transport:
        request = sample_request(
            server.url, *[b"x"] * 6, pause_s=2 * SHORT_S, write=8 * SHORT_S, read=8 * SHORT_S
        )
        assert await body_of(await transport.handle_async_request(request)) == b"ok"


async def test_the_read_timeout_before_headers() -> None:
    """It bounds the wait for them."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.closed_by_client()

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises(httpx.ReadTimeout):
            await transport.handle_async_request(sample_request(server.url, b"{}", read=SHORT_S))


async def test_the_read_timeout_between_pieces() -> None:
    """It bounds the wait for each."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(6):
            await connection.say(b"1\r\nx\r\n")
            await asyncio.sleep(2 * SHORT_S)
        await connection.closed_by_client()

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(
            sample_request(server.url, read=8 * SHORT_S)
        )
        pieces: list[bytes] = []
        with pytest.raises(httpx.ReadTimeout):
            await read_on(response, pieces)
        await response.aclose()
    assert pieces == [b"x"] * 6


async def test_a_worker_that_stood_still() -> None:
    """A stopped process, or an event loop that was held up: the upstream was not silent."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await received.wait()
        connection.writer.write(b"1\r\nb\r\n0\r\n\r\n")
        time.sleep(2 * SHORT_S)  # noqa: ASYNC251 - it is the standstill

    received, pieces = asyncio.Event(), list[bytes]()
    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url, read=SHORT_S))
        await read_on(response, pieces, received)
        await response.aclose()
    assert pieces == [b"a", b"b"]


async def test_a_connection_dropped_early() -> None:
    """It is dropped before the response: a protocol error."""

    async def script(connection: Connection) -> None:
        await connection.request()

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(sample_request(server.url, b"{}"))


async def test_a_connection_reset_early() -> None:
    """It is reset before the response: a network error."""

    async def script(connection: Connection) -> None:
        await connection.head()
        connection.reset()

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
            await transport.handle_async_request(sample_request(server.url, b"{}"))


@pytest.mark.parametrize(
    "beginning",
    [b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", b"Content-Length: 10\r\n\r\nfirst"],
)
@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_connection_that_breaks_within_the_body(beginning: bytes, how: str) -> None:
    received = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\n" + beginning)
        await asyncio.wait_for(received.wait(), LONG_S)
        if how == "reset":
            connection.reset()

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        pieces: list[bytes] = []
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await read_on(response, pieces, received)
        await response.aclose()
    assert pieces == [b"first"]


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Transfer-Encoding: chunked", b"5\r\nfirst\r\n6\r\nsecond\r\n"),
        (b"Content-Length: 12", b"firstsecond"),
    ],
)
async def test_what_arrived_before_a_break_is_read(framing: bytes, body: bytes) -> None:
    """No byte that arrived is lost, then the error is raised."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + body)
        await connection.end()

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        await asyncio.wait_for(server.ended[0], 10)
        pieces: list[bytes] = []
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await read_on(response, pieces)
        await response.aclose()
    assert b"".join(pieces) == b"firstsecond"


async def test_what_is_not_http_is_a_protocol_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(sample_request(server.url))
