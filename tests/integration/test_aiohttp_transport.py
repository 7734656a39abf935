"""The transport against servers that behave in every way that matters."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import httpx
import pytest

from shared.adapters.http_client.connection_pool import PROBE_S, ConnectionPool, ReusableConnection
from shared.adapters.http_client.transport import AiohttpTransport
from shared.errors import UpstreamConnectionLost
from tests.integration.tiny_server import OK, Connection, serving, until_broken

pytestmark = pytest.mark.anyio

LONG_S = 60.0  # longer than any test waits
SHORT_S = 0.15


@contextlib.asynccontextmanager
async def a_transport(
    max_connections: int = 10,
    cooldown_s: float = 0,
    on_reuse: Callable[[ReusableConnection], None] | None = None,
) -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport(
        max_connections=max_connections, cooldown_s=cooldown_s, on_reuse=on_reuse
    ) as transport:
        yield transport


class Pieces(httpx.AsyncByteStream):
    """A body of these pieces; `ended` is set once all were taken."""

    def __init__(self, *pieces: bytes, pause_s: float = 0) -> None:
        self.pieces = pieces
        self.pause_s = pause_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
            await asyncio.sleep(self.pause_s)


def a_request(
    url: str, *pieces: bytes, target: bytes = b"/x", pause_s: float = 0, **timeouts: float
) -> httpx.Request:
    """A POST with a body of `pieces`, or a GET without; timeouts are long by default."""
    size = sum(map(len, pieces))
    return httpx.Request(
        "POST" if pieces else "GET",
        url,
        headers={"content-length": str(size)} if pieces else {},
        stream=Pieces(*pieces, pause_s=pause_s),
        extensions={
            "target": target,
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), LONG_S) | timeouts,
        },
    )


async def read_on(
    response: httpx.Response, pieces: list[bytes], received: asyncio.Event | None = None
) -> None:
    """Reads into `pieces`, so that they are there although the body ends in an error."""
    async for piece in response.aiter_raw():
        pieces.append(piece)
        if received:
            received.set()


async def body_of(response: httpx.Response) -> bytes:
    try:
        return b"".join([piece async for piece in response.aiter_raw()])
    finally:
        await response.aclose()


# --- what goes up ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        b"/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21",
        b"/a%2fb%2F?x=%2F&y=a+b%20c&z",
        b"/?&&=&a=",
        b"/a/../b/./c//d",
        b"//host/path",
        b"/%41%7E~?%41=%7E",
        b"/x?a=1?b=2&c=;d=%23&e=http://h/p?q",
        b"/%C5%BElu%C5%A5%FF",
        b"/x:y@z",
    ],
)
async def test_the_target_goes_up_byte_for_byte(target: bytes) -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        await body_of(await transport.handle_async_request(a_request(server.url, target=target)))
    assert heads[0].split(b"\r\n")[0] == b"GET " + target + b" HTTP/1.1"


async def test_only_the_given_headers_go_up_beside_the_host() -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.request())
        await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        request = a_request(server.url, b"{}")
        request.headers["api-key"] = "k"
        await body_of(await transport.handle_async_request(request))
        lines = heads[0].split(b"\r\n")
        names = {line.partition(b":")[0].lower() for line in lines[1:-2]}
        assert names == {b"host", b"content-length", b"api-key"}
        assert f"host: 127.0.0.1:{server.port}".encode() in [line.lower() for line in lines]


async def test_a_short_body_is_sent_in_one_piece() -> None:
    """A short body goes out unchanged with its Content-Length, and without headers of aiohttp's
    own.
    """

    async def script(connection: Connection) -> None:
        for body in (b"{}", b"x" * 32_768):
            head, _, came = (await connection.request()).partition(b"\r\n\r\n")
            names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
            assert (names, came) == ({b"host", b"content-length"}, body)
            await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        for body in (b"{}", b"x" * 32_768):
            request = a_request(server.url, body)
            request.stream = httpx.ByteStream(body)
            assert await body_of(await transport.handle_async_request(request)) == b"ok"
        assert server.connections == 1


@pytest.mark.parametrize("value", ["plain", "žluť 🐎", "tab\tand  spaces"])
async def test_a_headers_bytes_go_up_unchanged(value: str) -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        request = a_request(server.url)
        request.headers = httpx.Headers([*request.headers.raw, (b"x-note", value.encode())])
        await body_of(await transport.handle_async_request(request))
    assert b"x-note: " + value.encode() + b"\r\n" in heads[0]


async def test_a_body_goes_up_with_its_length_and_nothing_added() -> None:
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        requests.append(await connection.request())
        await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        await body_of(await transport.handle_async_request(a_request(server.url, b'{"a"', b":1}")))
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert b"transfer-encoding" not in head.lower()


async def test_an_empty_body_is_announced_as_empty() -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        await body_of(await transport.handle_async_request(a_request(server.url, b"")))
    assert b"content-length: 0" in heads[0].lower()
    assert b"transfer-encoding" not in heads[0].lower()


async def test_a_body_of_unknown_length_goes_up_in_chunks() -> None:
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        requests.append(await connection.reader.readuntil(b"0\r\n\r\n"))
        await connection.say(OK)

    async with serving(script) as server, a_transport() as transport:
        request = a_request(server.url, b"ab", b"c")
        request.headers = httpx.Headers({"transfer-encoding": "chunked", "host": "h"})
        await body_of(await transport.handle_async_request(request))
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.lower().count(b"transfer-encoding: chunked") == 1
    assert body == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


# --- what comes down ------------------------------------------------------------------------------


async def test_status_headers_and_body_come_down_as_they_are() -> None:
    packed = gzip.compress(b"answer" * 100)

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Name: \xc5\xbe\xff\r\n"
        )
        await connection.say(
            b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
        )

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
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
    """How many headers of a response with so many come down."""

    async def script(connection: Connection) -> None:
        await connection.head()
        lines = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 100) for number in range(of - 1))
        await connection.say(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n")

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
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

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
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

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url, b"{}"))
        assert (response.status_code, response.headers["location"]) == (307, "/other")
        await response.aclose()
    assert server.connections == 1


async def test_a_cookie_of_one_response_goes_with_no_later_request() -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        for _ in range(2):
            heads.append(await connection.head())
            await connection.say(
                b"HTTP/1.1 200 OK\r\nSet-Cookie: session=of-caller-a; Path=/\r\nContent-Length: 0\r\n\r\n"
            )

    async with serving(script) as server, a_transport() as transport:
        for _ in range(2):
            await body_of(await transport.handle_async_request(a_request(server.url)))
    assert len(heads) == 2
    assert all(b"cookie" not in head.lower() for head in heads)


async def test_headers_of_many_kilobytes_are_taken() -> None:
    large = b"x" * 60_000

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 200 OK\r\nX-Policy: " + large + b"\r\nContent-Length: 0\r\n\r\n"
        )

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
        assert response.headers["x-policy"].encode() == large
        await response.aclose()


def an_answer_of(line_count: int) -> bytes:
    """Headers alone, in so many lines."""
    lines = [b"X-Policy-%d: %d" % (number, number) for number in range(1, line_count)]
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: 0", b"", b""])


async def test_more_header_lines_are_taken_than_aiohttp_takes() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(an_answer_of(129))

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
        assert len(response.headers.raw) == 129
        assert response.headers["x-policy-128"] == "128"
        await response.aclose()


async def test_too_many_header_lines_are_a_protocol_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(an_answer_of(4097))

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(a_request(server.url))


async def test_a_response_may_come_while_the_body_is_still_being_sent() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"
        )
        await connection.closed_by_client()

    async with serving(script) as server, a_transport() as transport:
        request = a_request(server.url, *[b"x" * 65536] * 4, pause_s=LONG_S)
        began = time.monotonic()
        response = await transport.handle_async_request(request)
        assert response.status_code == 413
        assert await body_of(response) == b"large"
        assert time.monotonic() - began < LONG_S / 2


# --- connections ----------------------------------------------------------------------------------


async def keep_answering(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.say(OK)


async def test_a_connection_is_used_again_after_the_last_byte() -> None:
    async with serving(keep_answering) as server, a_transport() as transport:
        for _ in range(5):
            assert (
                await body_of(await transport.handle_async_request(a_request(server.url, b"{}")))
                == b"ok"
            )
    assert server.connections == 1


async def test_a_server_that_closes_just_after_its_response_fails_no_call() -> None:
    """It says nothing of it, so that the connection goes back to the pool."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        await asyncio.sleep(0.002)

    async with serving(script) as server, a_transport(cooldown_s=LONG_S) as transport:
        for _ in range(20):
            response = await transport.handle_async_request(a_request(server.url, b"{}"))
            assert await body_of(response) == b"ok"
    assert server.connections == 20


async def test_a_rested_connection_is_used_again() -> None:
    """The others wait in the pool meanwhile."""
    async with serving(keep_answering) as server, a_transport(cooldown_s=SHORT_S) as transport:
        for _ in range(2):
            for _ in range(2):
                response = await transport.handle_async_request(a_request(server.url, b"{}"))
                assert await body_of(response) == b"ok"
            await asyncio.sleep(2 * SHORT_S)
    assert server.connections == 2


async def test_a_connection_that_was_closed_is_not_used() -> None:
    """Although the loop has not had a turn to notice it."""
    served: list[Connection] = []

    async def script(connection: Connection) -> None:
        served.append(connection)
        await keep_answering(connection)

    async with serving(script) as server, a_transport() as transport:
        for count in (1, 2):
            response = await transport.handle_async_request(a_request(server.url, b"{}"))
            assert await body_of(response) == b"ok"
            assert server.connections == count
            served[-1].writer.get_extra_info("socket").shutdown(socket.SHUT_WR)


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO of Linux")
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_server_that_closes_before_it_has_a_request_has_not_read_it(method: str) -> None:
    """Its end and the request pass each other on the way."""
    served: list[Connection] = []

    async def script(connection: Connection) -> None:
        served.append(connection)
        await keep_answering(connection)

    def close_now(_: ReusableConnection) -> None:
        served[0].writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async with serving(script) as server, a_transport(on_reuse=close_now) as transport:
        await body_of(await transport.handle_async_request(a_request(server.url, b"{}")))
        parts = [b"x" * 10_000] if method == "POST" else []
        with pytest.raises(UpstreamConnectionLost) as raised:
            await transport.handle_async_request(a_request(server.url, *parts))
        assert (raised.value.request_unread, server.connections) == (True, 1)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("reset", [True, False])
async def test_a_server_that_closes_on_a_request_may_have_read_it(
    method: str, *, reset: bool
) -> None:
    """No such request is sent twice here, not even one that aiohttp would repeat."""
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        requests.append(await connection.request())
        if reset:
            connection.reset()

    async with serving(script) as server, a_transport() as transport:
        await body_of(await transport.handle_async_request(a_request(server.url, b"{}")))
        request = a_request(server.url, *([b"{}"] if method == "POST" else []))
        with pytest.raises(UpstreamConnectionLost) as raised:
            await transport.handle_async_request(request)
        assert (raised.value.request_unread, server.connections, len(requests)) == (False, 1, 1)


async def test_a_new_connection_without_a_response_is_an_error_of_its_own() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(a_request(server.url))
        assert server.connections == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the options have these names on Linux")
async def test_a_connection_that_waits_for_a_response_is_probed() -> None:
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
    asked_once = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        if connection.number == 0:
            await asked_once.wait()
            await connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nanother")
            await connection.closed_by_client()

    async with serving(script) as server, a_transport() as transport:
        assert (
            await body_of(await transport.handle_async_request(a_request(server.url, b"{}")))
            == b"ok"
        )
        asked_once.set()
        await until_spoken_to(transport)
        assert (
            await body_of(await transport.handle_async_request(a_request(server.url, b"{}")))
            == b"ok"
        )
    assert server.connections == 2


async def until_spoken_to(transport: AiohttpTransport) -> None:
    """Returns when something has come on the one connection that waits in the pool."""
    assert transport._session is not None
    assert transport._session.connector is not None
    ((protocol, _),) = next(iter(transport._session.connector._conns.values()))
    async with asyncio.timeout(LONG_S):
        while not protocol.should_close:  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(0.001)


async def test_closing_within_the_body_closes_the_connection() -> None:
    """Closing a response within its body closes the connection, which tells the upstream that
    nobody reads any more.
    """
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await connection.closed_by_client()
        closed.set()

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
        async for piece in response.aiter_raw():
            assert piece == b"first"
            break
        await response.aclose()
        await asyncio.wait_for(closed.wait(), LONG_S)


async def test_closing_the_transport_closes_its_connections() -> None:
    async with serving(keep_answering) as server:
        async with a_transport() as transport:
            await body_of(await transport.handle_async_request(a_request(server.url)))
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

    async with serving(script) as server, a_transport(max_connections=1) as transport:
        running = asyncio.create_task(transport.handle_async_request(a_request(server.url)))
        await asyncio.wait_for(arrived.wait(), LONG_S)
        running.cancel()
        await asyncio.wait({running})
        assert await body_of(await transport.handle_async_request(a_request(server.url))) == b"ok"


# --- failures -------------------------------------------------------------------------------------


async def test_an_address_without_a_listener() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        async with a_transport() as transport:
            with pytest.raises(httpx.ConnectError):
                await transport.handle_async_request(a_request(url))


async def test_an_unknown_host_is_a_connect_error() -> None:
    async with a_transport() as transport:
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(a_request("http://fnsse.invalid"))


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
        async with a_transport() as transport:
            with pytest.raises(httpx.ConnectTimeout):
                await transport.handle_async_request(a_request(url, connect=SHORT_S))


async def test_the_connect_timeout_bounds_the_wait_for_a_free_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await connection.closed_by_client()

    async with serving(script) as server, a_transport(max_connections=1) as transport:
        busy = await transport.handle_async_request(a_request(server.url))
        with pytest.raises((httpx.ConnectTimeout, httpx.PoolTimeout)):
            await transport.handle_async_request(a_request(server.url, connect=SHORT_S))
        await busy.aclose()


async def test_the_write_timeout_bounds_each_piece_of_the_body() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
        await asyncio.sleep(LONG_S)

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises(httpx.WriteTimeout):
            await transport.handle_async_request(
                a_request(server.url, *[b"x" * 65536] * 400, write=SHORT_S)
            )


async def test_a_body_that_moves_may_take_long() -> None:
    async with serving(keep_answering) as server, a_transport() as transport:
        request = a_request(
            server.url, *[b"x"] * 6, pause_s=2 * SHORT_S, write=8 * SHORT_S, read=8 * SHORT_S
        )
        assert await body_of(await transport.handle_async_request(request)) == b"ok"


async def test_the_read_timeout_bounds_the_wait_for_headers() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.closed_by_client()

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises(httpx.ReadTimeout):
            await transport.handle_async_request(a_request(server.url, b"{}", read=SHORT_S))


async def test_the_read_timeout_bounds_the_wait_between_pieces() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(6):
            await connection.say(b"1\r\nx\r\n")
            await asyncio.sleep(2 * SHORT_S)
        await connection.closed_by_client()

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url, read=8 * SHORT_S))
        pieces: list[bytes] = []
        with pytest.raises(httpx.ReadTimeout):
            await read_on(response, pieces)
        await response.aclose()
    assert pieces == [b"x"] * 6


async def test_a_worker_that_stood_still_reads_what_has_come_meanwhile() -> None:
    """A stopped process, or an event loop that was held up: the upstream was not silent."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await received.wait()
        connection.writer.write(b"1\r\nb\r\n0\r\n\r\n")
        time.sleep(2 * SHORT_S)  # noqa: ASYNC251 - it is the standstill

    received, pieces = asyncio.Event(), list[bytes]()
    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url, read=SHORT_S))
        await read_on(response, pieces, received)
        await response.aclose()
    assert pieces == [b"a", b"b"]


async def test_a_connection_dropped_before_the_response_is_a_protocol_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(a_request(server.url, b"{}"))


async def test_a_connection_reset_before_the_response_is_a_network_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        connection.reset()

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
            await transport.handle_async_request(a_request(server.url, b"{}"))


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

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
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

    async with serving(script) as server, a_transport() as transport:
        response = await transport.handle_async_request(a_request(server.url))
        await until_broken(response)
        pieces: list[bytes] = []
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await read_on(response, pieces)
        await response.aclose()
    assert b"".join(pieces) == b"firstsecond"


async def test_what_is_not_http_is_a_protocol_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    async with serving(script) as server, a_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(a_request(server.url))
