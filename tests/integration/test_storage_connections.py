"""The connections to a storage service, against servers that behave in every way that matters."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from shared.adapters import storage_connections
from shared.adapters.storage_connections import Answer, StorageConnections
from shared.errors import StorageError
from tests.integration.tiny_server import OK, Connection, serving

pytestmark = pytest.mark.anyio

WELL = Answer(200, "", b"ok")
MB = 1024 * 1024


@contextlib.asynccontextmanager
async def connections_to(url: str) -> AsyncIterator[StorageConnections]:
    connections = StorageConnections(url)
    try:
        yield connections
    finally:
        await connections.aclose()


async def get(connections: StorageConnections) -> Answer:
    return await connections.call("GET", "/x", {}, b"")


async def put(connections: StorageConnections, body: bytes) -> Answer:
    return await connections.call("PUT", "/x", {"x-ms-version": "1"}, body)


async def answering_all(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.say(OK)


async def test_what_is_sent_is_one_request() -> None:
    async def script(connection: Connection) -> None:
        assert await connection.request() == (
            b"PUT /a%%20b?c=d HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-ms-version: 1\r\ncontent-length: 4\r\n\r\nbody"
            % server.port
        )
        await connection.say(OK)
        assert (
            await connection.head()
            == b"GET /x HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n" % server.port
        )
        await connection.say(OK)
        assert b"\r\ncontent-length: 0\r\n" in await connection.head()
        await connection.say(OK)

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await connections.call("PUT", "/a%20b?c=d", {"x-ms-version": "1"}, b"body") == WELL
        assert await get(connections) == WELL
        assert await put(connections, b"") == WELL


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (
            b"HTTP/1.1 404 No\r\nX-Ms-Error-Code: BlobNotFound\r\ncontent-length: 0\r\n\r\n",
            Answer(404, "BlobNotFound", b""),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, "", b"")),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            WELL,
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx-ms-error-code: no\r\n\r\n"
            + OK,
            WELL,
        ),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", WELL),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", WELL),
    ],
)
@pytest.mark.parametrize("step", [1, 10_000], ids=["byte_by_byte", "at_once"])
async def test_an_answer_in_every_form(said: bytes, answer: Answer, step: int) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        for start in range(0, len(said), step):
            await connection.say(said[start : start + step])
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await get(connections) == answer


async def test_calls_in_turn_use_one_connection() -> None:
    async with serving(answering_all) as server, connections_to(server.url) as connections:
        for _ in range(3):
            assert await get(connections) == WELL
        assert server.connections == 1


async def test_an_answer_that_closes_is_followed_by_another_connection() -> None:
    """The client closes its side, too."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        assert [await get(connections) for _ in range(2)] == [WELL, WELL]
        assert server.connections == 2
        await asyncio.wait_for(asyncio.gather(*server.ended), 10)


async def test_an_idle_connection_that_the_service_closed_is_not_used() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)

    async with serving(script) as server, connections_to(server.url) as connections:
        for _ in range(2):
            assert await get(connections) == WELL
            async with asyncio.timeout(10):
                while not connections._idle[0].closed:  # noqa: ASYNC110 - asyncio has no event for it
                    await asyncio.sleep(0.001)
        assert server.connections == 2


async def test_another_idle_connection_is_used_where_the_last_one_was_closed() -> None:
    both = asyncio.Barrier(2)

    async def script(connection: Connection) -> None:
        await connection.request()
        await both.wait()
        await connection.say(OK)
        if connection.number == 0:
            await connection.request()
            await connection.say(OK)

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await asyncio.gather(*(get(connections) for _ in range(2))) == [WELL, WELL]
        async with asyncio.timeout(10):
            while not any(connection.closed for connection in connections._idle):  # noqa: ASYNC110 - asyncio has no event for it
                await asyncio.sleep(0.001)
        connections._idle = deque(
            sorted(connections._idle, key=lambda connection: connection.closed)
        )
        assert await get(connections) == WELL
        assert server.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What lies between may have forgotten it, and would swallow the request."""
    monkeypatch.setattr(storage_connections, "_IDLE_S", 0.0)
    async with serving(answering_all) as server, connections_to(server.url) as connections:
        assert [await get(connections) for _ in range(2)] == [WELL, WELL]
        assert server.connections == 2


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"x", OK])
@pytest.mark.parametrize("together", [True, False], ids=["with_the_answer", "after_it"])
async def test_what_nobody_asked_for_is_nobody_s_answer(unasked: bytes, together: bool) -> None:
    more = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        if connection.number:
            await connection.say(OK)
            return
        await connection.say(OK + unasked if together else OK)
        await more.wait()
        if not together:
            await connection.say(unasked)
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await get(connections) == WELL
        more.set()
        await asyncio.wait_for(server.ended[0], 10)
        assert await get(connections) == WELL
        assert server.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxx",
    ],
)
async def test_an_answer_that_never_becomes_whole_is_an_error(said: bytes) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(said)

    async with serving(script) as server, connections_to(server.url) as connections:
        with pytest.raises(StorageError):
            await get(connections)
        assert not connections._idle


async def test_an_answer_that_breaks_off_leaves_nothing_to_the_garbage_collector() -> None:
    """A large part of a capture may have come."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + bytes(MB))

    def left() -> list[object]:
        return [
            each for each in gc.get_objects() if isinstance(each, storage_connections._Connection)
        ]

    async with serving(script) as server, connections_to(server.url) as connections:
        gc.collect()
        before = len(left())
        gc.disable()
        try:
            with contextlib.suppress(StorageError):
                await get(connections)
            for _ in range(5):  # those who were woken by the last step take theirs
                await asyncio.sleep(0)
            assert len(left()) == before
        finally:
            gc.enable()


async def test_a_reset_is_an_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        connection.reset()

    async with serving(script) as server, connections_to(server.url) as connections:
        with pytest.raises(StorageError):
            await get(connections)


async def test_a_large_body_on_a_lost_connection_fills_no_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asyncio warns of each write there."""
    served: list[Connection] = []
    warned: list[str] = []
    monkeypatch.setattr(logging.getLogger("asyncio"), "warning", warned.append)

    async def script(connection: Connection) -> None:
        served.append(connection)
        await connection.request()
        await connection.say(OK)
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await get(connections) == WELL
        # what is sent there now is answered by a reset
        served[0].writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with pytest.raises(StorageError):
            await put(connections, bytes(16 * MB))
        assert server.connections == 1
        assert not connections._idle
    assert not warned


async def test_silence_is_an_error_and_slowness_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_connections, "_SILENCE_S", 1.0)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
        for _ in range(8 if connection.number == 0 else 1):
            await asyncio.sleep(0.2)
            await connection.say(b"x")
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await get(connections) == Answer(200, "", b"x" * 8)
        await connections.aclose()
        with pytest.raises(StorageError, match="nothing came"):
            await get(connections)
        await asyncio.wait_for(asyncio.gather(*server.ended), 10)  # both connections are closed


async def test_a_body_that_is_taken_slowly_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pieces go out one after the other, all in all for longer than silence may last."""
    monkeypatch.setattr(storage_connections, "_SILENCE_S", 1.0)

    async def script(connection: Connection) -> None:
        await connection.head()
        for _ in range(8):
            await connection.reader.readexactly(8 * MB)
            await asyncio.sleep(0.2)
        await connection.say(OK)

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await put(connections, bytes(64 * MB)) == WELL


async def test_a_body_that_is_not_taken_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the two sockets' buffers hold."""
    monkeypatch.setattr(storage_connections, "_SILENCE_S", 0.3)
    over = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await over.wait()

    async with serving(script) as server, connections_to(server.url) as connections:
        with pytest.raises(StorageError, match="nothing came"):
            await put(connections, bytes(64 * MB))
        over.set()


async def test_a_large_body_arrives_as_it_is() -> None:
    body = bytes(range(256)) * (4 * MB // 256) + b"!"

    async def script(connection: Connection) -> None:
        while True:
            assert (await connection.request()).endswith(b"\r\n\r\n" + body)
            await connection.say(OK)

    async with serving(script) as server, connections_to(server.url) as connections:
        assert [await put(connections, body) for _ in range(2)] == [WELL, WELL]
        assert server.connections == 1


async def test_an_answer_may_come_before_the_body_is_sent() -> None:
    """The rest of the body is not sent, and the connection not used again."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 403 No\r\nx-ms-error-code: AuthorizationFailure\r\ncontent-length: 0\r\n\r\n"
        )
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        assert await put(connections, bytes(64 * MB)) == Answer(403, "AuthorizationFailure", b"")
        assert not connections._idle


async def test_whoever_stops_waiting_leaves_no_connection() -> None:
    asked = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        asked.set()
        await connection.closed_by_client()

    async with serving(script) as server, connections_to(server.url) as connections:
        call = asyncio.create_task(get(connections))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(asyncio.gather(*server.ended), 10)
        assert not connections._idle


async def test_where_nobody_listens_it_is_an_error() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        async with connections_to(f"http://127.0.0.1:{unheard.getsockname()[1]}") as connections:
            with pytest.raises(StorageError, match="could not be reached: ConnectionRefusedError"):
                await get(connections)


async def test_a_host_that_does_not_take_the_connection_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It speaks no TLS, so that the handshake does not end."""
    monkeypatch.setattr(storage_connections, "_CONNECT_S", 0.2)

    async def script(connection: Connection) -> None:
        await connection.closed_by_client()

    async with (
        serving(script) as server,
        connections_to(server.url.replace("http:", "https:")) as connections,
    ):
        with pytest.raises(StorageError, match="could not be reached: TimeoutError"):
            await get(connections)


async def test_calls_beyond_the_limit_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_connections, "_MOST", 3)
    async with serving(answering_all) as server, connections_to(server.url) as connections:
        assert await asyncio.gather(*(get(connections) for _ in range(20))) == [WELL] * 20
        assert server.connections <= 3


@pytest.mark.parametrize("known", [True, False], ids=["a_known_authority", "an_unknown_one"])
async def test_tls_is_verified(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    presented = authority if known else trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr(storage_connections, "_TLS", ssl.create_default_context())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    presented.issue_cert("localhost").configure_cert(context)

    async with (
        serving(answering_all, tls=context) as server,
        connections_to(f"https://localhost:{server.port}") as connections,
    ):
        if known:
            assert [await put(connections, bytes(MB)) for _ in range(2)] == [WELL, WELL]
            assert server.connections == 1
        else:
            with pytest.raises(
                StorageError, match="could not be reached: SSLCertVerificationError"
            ):
                await get(connections)


async def test_no_call_waits_for_the_authorities_to_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That has been done when the worker starts, once for all services; servers are verified."""
    tls = storage_connections._TLS
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    monkeypatch.delattr(ssl, "create_default_context")

    async def script(connection: Connection) -> None:
        await connection.closed_by_client()

    monkeypatch.setattr(storage_connections, "_CONNECT_S", 0.2)
    async with (
        serving(script) as server,
        connections_to(f"https://localhost:{server.port}") as connections,
    ):
        with pytest.raises(StorageError, match="could not be reached"):
            await get(connections)
