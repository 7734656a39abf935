"""HTTP calls to a storage service, against servers that stall, break off and say odd things."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from shared.adapters.storage.http_calls import StorageHttp
from shared.errors import StorageError
from shared.settings.timeouts import StorageTimeouts
from tests.integration.support.tiny_server import OK, Connection, serving

pytestmark = pytest.mark.anyio

type ResponseParts = tuple[int, str, bytes]  # status, error code, body
WELL: ResponseParts = (200, "", b"ok")
MB = 1024 * 1024


class OneServerClient(StorageHttp):
    """A client of one server."""

    def __init__(self, url: str, timeouts: StorageTimeouts, **options: Any) -> None:
        super().__init__(timeouts, **options)
        self.url = url

    async def get(self) -> ResponseParts:
        return await self.send("GET", "/x", {}, b"")

    async def put(self, body: bytes) -> ResponseParts:
        return await self.send("PUT", "/x", {"x-ms-version": "1"}, body)

    async def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> ResponseParts:
        response = await self.call(method, self.url + target, headers, body)
        return response.status, response.headers.get("x-ms-error-code", ""), response.body


@contextlib.asynccontextmanager
async def client_of(
    url: str, timeouts: StorageTimeouts | None = None, **options: Any
) -> AsyncIterator[OneServerClient]:
    client = OneServerClient(url, timeouts or StorageTimeouts(), **options)
    try:
        yield client
    finally:
        await client.aclose()


async def answering_all(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.say(OK)


async def test_what_is_sent_is_one_request() -> None:
    async def script(connection: Connection) -> None:
        assert await connection.request() == (
            b"PUT /a%%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nx-ms-version: 1\r\n"
            b"Content-Length: 4\r\n\r\nbody" % server.port
        )
        await connection.say(OK)
        assert (
            await connection.head()
            == b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port
        )
        await connection.say(OK)
        assert b"\r\nContent-Length: 0\r\n" in await connection.head()
        await connection.say(OK)

    async with serving(script) as server, client_of(server.url) as client:
        assert await client.send("PUT", "/a%20b?c=d", {"x-ms-version": "1"}, b"body") == WELL
        assert await client.get() == WELL
        assert await client.put(b"") == WELL


@pytest.mark.parametrize(
    ("raw", "response"),
    [
        (
            b"HTTP/1.1 404 No\r\nX-Ms-Error-Code: BlobNotFound\r\ncontent-length: 0\r\n\r\n",
            (404, "BlobNotFound", b""),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, "", b"")),
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
@pytest.mark.parametrize("step", [1, 10_000], ids=["byte_by_byte", "whole"])
async def test_a_response_is_read_in_every_form(
    raw: bytes, response: ResponseParts, step: int
) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        for start in range(0, len(raw), step):
            await connection.say(raw[start : start + step])
        await connection.closed_by_client()

    async with serving(script) as server, client_of(server.url) as client:
        assert await client.get() == response


async def test_calls_in_turn_use_one_connection() -> None:
    async with serving(answering_all) as server, client_of(server.url) as client:
        for _ in range(3):
            assert await client.get() == WELL
        assert server.connections == 1


async def test_a_response_that_closes_its_connection() -> None:
    """The client closes its side, too."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        await connection.closed_by_client()

    async with serving(script) as server, client_of(server.url) as client:
        assert [await client.get() for _ in range(2)] == [WELL, WELL]
        assert server.connections == 2
        await asyncio.wait_for(asyncio.gather(*server.ended), 10)


async def test_a_closed_idle_connection_is_not_used() -> None:
    """The service closed it."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        await connection.end()

    async with serving(script) as server, client_of(server.url) as client:
        for number in range(2):
            assert await client.get() == WELL
            await asyncio.wait_for(server.ended[number], 10)
        assert server.connections == 2


async def test_another_idle_connection_is_used() -> None:
    """One of several idle connections was closed."""
    both = asyncio.Barrier(2)

    async def script(connection: Connection) -> None:
        await connection.request()
        await both.wait()
        await connection.say(OK)
        if connection.number == 0:
            await connection.request()
            await connection.say(OK)
        else:
            await connection.end()

    async with serving(script) as server, client_of(server.url) as client:
        assert await asyncio.gather(*(client.get() for _ in range(2))) == [WELL, WELL]
        await asyncio.wait_for(server.ended[1], 10)
        assert await client.get() == WELL
        assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_request_on_a_broken_connection(method: str) -> None:
    """It is not repeated. On a connection that served before, aiohttp by itself would send all but
    the POST twice.
    """
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        requests.append(await connection.request())

    async with serving(script) as server, client_of(server.url) as client:
        assert await client.get() == WELL
        with pytest.raises(StorageError, match="ReusedConnectionLost"):
            await client.send(method, "/x", {}, b"")
        assert (server.connections, len(requests)) == (1, 1)


async def test_a_connection_that_was_idle_for_long_is_not_used() -> None:
    """A firewall in between may have forgotten it, and would swallow the request."""
    async with (
        serving(answering_all) as server,
        client_of(server.url, StorageTimeouts(idle_s=0.001)) as client,
    ):
        assert await client.get() == WELL
        await asyncio.sleep(0.01)
        assert await client.get() == WELL
        assert server.connections == 2


@pytest.mark.parametrize(
    "unsolicited", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"x", OK]
)
@pytest.mark.parametrize("together", [True, False], ids=["with_the_answer", "after_it"])
async def test_an_unsolicited_response_is_discarded(unsolicited: bytes, together: bool) -> None:
    """It makes its connection unfit for another call; garbage right after a response spoils that
    answer, too.
    """
    more, delivered = asyncio.Event(), asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        if connection.number:
            await connection.say(OK)
            return
        await connection.say(OK + unsolicited if together else OK)
        await more.wait()
        try:
            await connection.say(unsolicited)
            await connection.wait_for_delivery()
        finally:
            delivered.set()
        await connection.closed_by_client()

    async with serving(script) as server, client_of(server.url) as client:
        if together and unsolicited == b"x":
            with pytest.raises(StorageError):
                await client.get()
        else:
            assert await client.get() == WELL
        more.set()
        await delivered.wait()
        assert await client.get() == WELL
        assert server.connections == 2
        await asyncio.wait_for(server.ended[0], 10)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxx",
    ],
)
async def test_an_incomplete_response_is_an_error(raw: bytes) -> None:
    """A truncated or malformed answer raises StorageError, and its connection is not used again."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(raw)
        await connection.end()

    async with serving(script) as server, client_of(server.url) as client:
        for _ in range(2):
            with pytest.raises(StorageError):
                await client.get()
        assert server.connections == 2


async def test_a_broken_response_leaves_no_garbage() -> None:
    """A large part of a capture may have come, and the request holds one, too."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + bytes(MB))

    def large() -> int:
        return sum(isinstance(found, TrackedBytes) for found in gc.get_objects())

    async with serving(script) as server, client_of(server.url) as client:
        gc.collect()
        gc.disable()
        try:
            with contextlib.suppress(StorageError):
                await client.put(TrackedBytes(bytes(1000)))
            for _ in range(5):  # those who were woken by the last step take theirs
                await asyncio.sleep(0)
            assert not large()
        finally:
            gc.enable()


class TrackedBytes(bytes):
    """Bytes that the garbage collector tracks."""


async def test_a_reset_is_an_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        connection.reset()

    async with serving(script) as server, client_of(server.url) as client:
        with pytest.raises(StorageError):
            await client.get()


async def test_a_large_body_on_a_lost_connection_fills_no_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asyncio warns of each write there."""
    warned: list[str] = []
    monkeypatch.setattr(logging.getLogger("asyncio"), "warning", warned.append)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        await connection.reader.readexactly(1)
        connection.reset()

    async with serving(script) as server, client_of(server.url) as client:
        assert await client.get() == WELL
        with pytest.raises(StorageError):
            await client.put(bytes(MB))
        assert server.connections == 1
        assert await client.get() == WELL
        assert server.connections == 2
    assert not warned


async def test_silence_is_an_error_and_slowness_is_not() -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
        for _ in range(8 if connection.number == 0 else 1):
            await asyncio.sleep(0.2)
            await connection.say(b"x")
        if connection.number == 0:
            await connection.end()
        await connection.closed_by_client()

    async with (
        serving(script) as server,
        client_of(server.url, StorageTimeouts(silence_s=1.0)) as client,
    ):
        assert await client.get() == (200, "", b"x" * 8)
        await asyncio.wait_for(server.ended[0], 10)  # so that the next call opens another
        with pytest.raises(StorageError, match="TimeoutError"):
            await client.get()
        await asyncio.wait_for(server.ended[1], 10)  # the client has closed it


async def test_a_server_that_never_answers_is_an_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.closed_by_client()

    async with (
        serving(script) as server,
        client_of(server.url, StorageTimeouts(silence_s=0.2)) as client,
    ):
        with pytest.raises(StorageError, match="storage did not answer: TimeoutError"):
            await client.put(b"x")
        await asyncio.wait_for(server.ended[0], 10)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # above 1 MB
async def test_a_body_that_is_not_taken_is_an_error() -> None:
    """More than the two sockets' buffers hold."""
    over = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await over.wait()

    async with (
        serving(script) as server,
        client_of(server.url, StorageTimeouts(silence_s=0.3)) as client,
    ):
        with pytest.raises(StorageError, match="TimeoutError"):
            await client.put(bytes(64 * MB))
        over.set()


async def test_a_large_body_arrives_as_it_is() -> None:
    body = bytes(range(256)) * (MB // 256)

    async def script(connection: Connection) -> None:
        while True:
            assert (await connection.request()).endswith(b"\r\n\r\n" + body)
            await connection.say(OK)

    async with serving(script) as server, client_of(server.url) as client:
        assert [await client.put(body) for _ in range(2)] == [WELL, WELL]
        assert server.connections == 1


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # above 1 MB
async def test_a_response_may_come_before_the_body_is_sent() -> None:
    """The rest of the body is not sent, and the connection not used again."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 403 No\r\nx-ms-error-code: AuthorizationFailure\r\ncontent-length: 0\r\n\r\n"
        )
        await connection.closed_by_client()

    async with serving(script) as server, client_of(server.url) as client:
        assert await client.put(bytes(64 * MB)) == (403, "AuthorizationFailure", b"")
        await asyncio.wait_for(server.ended[0], 10)  # the client has closed it


async def test_a_cancelled_call_leaves_no_connection() -> None:
    """The connection of a cancelled call is closed, not kept for another call."""
    requested = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        requested.set()
        await connection.closed_by_client()

    async with serving(script) as server, client_of(server.url) as client:
        call = asyncio.create_task(client.get())
        await requested.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(asyncio.gather(*server.ended), 10)


async def test_an_address_without_a_listener_is_an_error() -> None:
    """A refused connection raises StorageError."""
    with socket.socket() as not_listening:
        not_listening.bind(("127.0.0.1", 0))
        async with client_of(f"http://127.0.0.1:{not_listening.getsockname()[1]}") as client:
            with pytest.raises(StorageError, match="could not be reached: ConnectionRefusedError"):
                await client.get()


async def test_a_host_that_takes_no_connection() -> None:
    """It is an error. It speaks no TLS, so that the handshake does not end."""

    async def script(connection: Connection) -> None:
        await connection.closed_by_client()

    async with (
        serving(script) as server,
        client_of(server.url.replace("http:", "https:"), StorageTimeouts(connect_s=0.2)) as client,
    ):
        with pytest.raises(StorageError, match="could not be reached: ConnectionTimeoutError"):
            await client.get()


async def test_calls_beyond_the_limit_wait_for_their_turn() -> None:
    async with (
        serving(answering_all) as server,
        client_of(server.url, connections_per_host=3) as client,
    ):
        assert await asyncio.gather(*(client.get() for _ in range(20))) == [WELL] * 20
        assert server.connections <= 3


async def test_the_wait_for_a_turn_has_its_own_time() -> None:
    """It is not taken from the time for the response. Storage is slow: what waited for a connection
    has all of that time all the same.
    """

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(2.5)
            await connection.say(OK)

    timeouts = StorageTimeouts(silence_s=4)
    async with (
        serving(script) as server,
        client_of(server.url, timeouts, connections_per_host=1) as client,
    ):
        assert len(await asyncio.gather(client.get(), client.get())) == 2


async def test_a_call_that_gets_no_turn_is_an_error() -> None:
    """It costs the others nothing: the next one has its turn."""
    over = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await over.wait()
            await connection.say(OK)

    async with (
        serving(script) as server,
        client_of(server.url, StorageTimeouts(turn_s=0.1), connections_per_host=1) as client,
    ):
        first = asyncio.create_task(client.get())
        await asyncio.sleep(0)
        with pytest.raises(StorageError, match="did not answer: TimeoutError"):
            await client.get()
        over.set()
        await asyncio.wait_for(first, 20)
        await asyncio.wait_for(client.get(), 20)


@pytest.mark.parametrize("known", [True, False], ids=["a_known_authority", "an_unknown_one"])
async def test_tls_is_verified(known: bool, tmp_path: Path) -> None:
    authority = trustme.CA()
    presented = authority if known else trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    presented.issue_cert("localhost").configure_cert(context)

    async with (
        serving(answering_all, tls=context) as server,
        client_of(f"https://localhost:{server.port}", tls=trusted) as client,
    ):
        if known:
            assert [await client.put(bytes(MB)) for _ in range(2)] == [WELL, WELL]
            assert server.connections == 1
        else:
            with pytest.raises(
                StorageError,
                match="could not be reached: SSLCertVerificationError",
            ):
                await client.get()


async def test_an_untrusted_authority_is_rejected() -> None:
    """Servers' certificates are verified by default."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with (
        serving(answering_all, tls=context) as server,
        client_of(f"https://localhost:{server.port}") as client,
    ):
        with pytest.raises(StorageError, match="could not be reached"):
            await client.get()


async def test_no_call_waits_for_the_authorities_to_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To read them takes 20 ms; aiohttp does it when it is imported."""
    monkeypatch.delattr(ssl, "create_default_context")

    async def script(connection: Connection) -> None:
        await connection.closed_by_client()

    async with (
        serving(script) as server,
        client_of(f"https://localhost:{server.port}", StorageTimeouts(connect_s=0.2)) as client,
    ):
        with pytest.raises(StorageError, match="could not be reached"):
            await client.get()


async def test_nothing_is_kept_from_one_call_to_the_next() -> None:
    """The client keeps no cookies, follows no redirects, and decodes no compressed bodies."""
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        while True:
            heads.append(await connection.request())
            await connection.say(
                b"HTTP/1.1 307 Elsewhere\r\nlocation: /y\r\nset-cookie: a=b\r\n"
                b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"
            )

    async with serving(script) as server, client_of(server.url) as client:
        for _ in range(2):
            assert await client.get() == (307, "", b"ok")
        assert len(heads) == 2
        assert b"cookie" not in heads[1].lower()
