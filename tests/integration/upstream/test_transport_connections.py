"""The transport reuses connections without harm to a call."""

from __future__ import annotations

import asyncio
import socket
import sys

import aiohttp
import httpx
import pytest

from shared.adapters.http_client.connection_pool import PROBE_S, ConnectionPool, ReusableConnection
from shared.errors import UpstreamConnectionLost
from tests.integration.support.tiny_server import OK, Connection, serving
from tests.integration.upstream.transport_calls import (
    LONG_S,
    SHORT_S,
    body_of,
    keep_answering,
    sample_request,
    sample_transport,
)

pytestmark = pytest.mark.anyio


async def test_a_connection_is_reused() -> None:
    """The next request uses it after the last byte of the response."""
    async with serving(keep_answering) as server, sample_transport() as transport:
        for _ in range(5):
            assert (
                await body_of(
                    await transport.handle_async_request(sample_request(server.url, b"{}"))
                )
                == b"ok"
            )
    assert server.connections == 1


async def test_a_close_just_after_a_response() -> None:
    """It says nothing of it, so that the connection goes back to the pool."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        await asyncio.sleep(0.002)

    async with serving(script) as server, sample_transport(cooldown_s=LONG_S) as transport:
        for _ in range(20):
            response = await transport.handle_async_request(sample_request(server.url, b"{}"))
            assert await body_of(response) == b"ok"
    assert server.connections == 20


async def test_a_rested_connection_is_used_again() -> None:
    """The others wait in the pool meanwhile."""
    async with serving(keep_answering) as server, sample_transport(cooldown_s=SHORT_S) as transport:
        for _ in range(2):
            for _ in range(2):
                response = await transport.handle_async_request(sample_request(server.url, b"{}"))
                assert await body_of(response) == b"ok"
            await asyncio.sleep(2 * SHORT_S)
    assert server.connections == 2


async def test_a_connection_that_was_closed_is_not_used() -> None:
    """The loop has not had a turn to notice that it was closed."""
    served: list[Connection] = []

    async def script(connection: Connection) -> None:
        served.append(connection)
        await keep_answering(connection)

    async with serving(script) as server, sample_transport() as transport:
        for count in (1, 2):
            response = await transport.handle_async_request(sample_request(server.url, b"{}"))
            assert await body_of(response) == b"ok"
            assert server.connections == count
            served[-1].writer.get_extra_info("socket").shutdown(socket.SHUT_WR)


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO of Linux")
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_close_before_a_request_arrives(method: str) -> None:
    """Its end and the request pass each other on the way."""
    served: list[Connection] = []

    async def script(connection: Connection) -> None:
        served.append(connection)
        await keep_answering(connection)

    def close_now(_: ReusableConnection) -> None:
        served[0].writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async with serving(script) as server, sample_transport(on_reuse=close_now) as transport:
        await body_of(await transport.handle_async_request(sample_request(server.url, b"{}")))
        parts = [b"x" * 10_000] if method == "POST" else []
        with pytest.raises(UpstreamConnectionLost) as raised:
            await transport.handle_async_request(sample_request(server.url, *parts))
        assert (raised.value.request_unread, server.connections) == (True, 1)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("reset", [True, False])
async def test_a_close_on_a_request(method: str, *, reset: bool) -> None:
    """No such request is sent twice here, not even one that aiohttp would repeat."""
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        requests.append(await connection.request())
        if reset:
            connection.reset()

    async with serving(script) as server, sample_transport() as transport:
        await body_of(await transport.handle_async_request(sample_request(server.url, b"{}")))
        request = sample_request(server.url, *([b"{}"] if method == "POST" else []))
        with pytest.raises(UpstreamConnectionLost) as raised:
            await transport.handle_async_request(request)
        assert (raised.value.request_unread, server.connections, len(requests)) == (False, 1, 1)


async def test_a_new_connection_without_a_response() -> None:
    """It is not the error of a reused connection."""

    async def script(connection: Connection) -> None:
        await connection.request()

    async with serving(script) as server, sample_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(sample_request(server.url))
        assert server.connections == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the options have these names on Linux")
async def test_a_waiting_connection_is_probed() -> None:
    """Every minute: what forgets a silent connection (Azure's load balancers) does so later."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK[:-1])
        await connection.closed_by_client()

    async with (
        serving(script) as server,
        aiohttp.ClientSession(connector=ConnectionPool()) as session,
        session.get(server.url) as response,
    ):
        assert response.connection is not None
        assert response.connection.transport is not None
        connected = response.connection.transport.get_extra_info("socket")
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            assert connected.getsockopt(socket.IPPROTO_TCP, option) == PROBE_S


async def test_an_unsolicited_response_reaches_nobody() -> None:
    """It came on a connection that waits for its next request; that goes over another one, or one
    caller would read it.
    """
    first_read, delivered = asyncio.Event(), asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        if connection.number == 0:
            await first_read.wait()
            await connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nanother")
            await connection.wait_for_delivery()
            delivered.set()
            await connection.closed_by_client()

    async with serving(script) as server, sample_transport() as transport:
        assert (
            await body_of(await transport.handle_async_request(sample_request(server.url, b"{}")))
            == b"ok"
        )
        first_read.set()
        await delivered.wait()
        assert (
            await body_of(await transport.handle_async_request(sample_request(server.url, b"{}")))
            == b"ok"
        )
    assert server.connections == 2


async def test_a_response_closed_within_its_body() -> None:
    """Closing a response within its body closes the connection, which tells the upstream that
    nobody reads any more.
    """
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await connection.closed_by_client()
        closed.set()

    async with serving(script) as server, sample_transport() as transport:
        response = await transport.handle_async_request(sample_request(server.url))
        async for piece in response.aiter_raw():
            assert piece == b"first"
            break
        await response.aclose()
        await asyncio.wait_for(closed.wait(), LONG_S)


async def test_a_closed_transport_has_no_connection() -> None:
    async with serving(keep_answering) as server:
        async with sample_transport() as transport:
            await body_of(await transport.handle_async_request(sample_request(server.url)))
        await asyncio.wait_for(asyncio.gather(*server.ended), LONG_S)


async def test_the_pool_works_after_a_cancelled_request() -> None:
    arrived = asyncio.Event()

    async def script(connection: Connection) -> None:
        if connection.number == 0:
            await connection.head()
            arrived.set()
            await connection.closed_by_client()
        else:
            await keep_answering(connection)

    async with serving(script) as server, sample_transport(max_connections=1) as transport:
        running = asyncio.create_task(transport.handle_async_request(sample_request(server.url)))
        await asyncio.wait_for(arrived.wait(), LONG_S)
        running.cancel()
        await asyncio.wait({running})
        assert (
            await body_of(await transport.handle_async_request(sample_request(server.url))) == b"ok"
        )
