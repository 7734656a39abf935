"""The relay over the real transport: bodies that pass on as they come, addresses with a prefix, an
upstream that is gone.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.adapters.http_client.connection_pool import ReusableConnection
from shared.adapters.http_client.transport import AiohttpTransport
from shared.core.records.exchange.outcome import Outcome
from tests.integration.support.exchanges import (
    CHAT,
    DEADLINE_S,
    UNTOUCHED,
    RelayClient,
    RelaySetup,
    event_of,
    relay_setup,
)
from tests.integration.support.tiny_server import OK, Connection, TinyServer, serving

pytestmark = pytest.mark.anyio

AUDIO = "/openai/deployments/whisper/audio/transcriptions"  # its body is not looked at
STREAM = (
    event_of(choices=[{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}])
    + b"data: [DONE]\n\n"
)


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport(max_connections=10) as pool:
        yield pool


async def test_the_base_urls_path_comes_first(transport: AiohttpTransport) -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.request())
        await connection.say(OK)

    async with serving(script) as server:
        client = RelayClient(
            relay_setup(transport=transport, base_url=f"{server.url}/a%2Fb").relay, b"{}"
        )
        await client.run()
    assert heads[0].startswith(
        b"POST /a%2Fb/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21 HTTP/1.1\r\n"
    )
    assert (client.status, client.body) == (200, b"ok")


async def test_an_upstreams_address_becomes_the_proxys(
    transport: AiohttpTransport,
) -> None:
    """It lacks the path that AZURE_OPENAI_BASE_URL adds, because the proxy adds it again."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(
            b"HTTP/1.1 202 Accepted\r\nOperation-Location: "
            + server.url.encode()
            + b"/a/openai/x?y=z"
            b"\r\nContent-Length: 0\r\n\r\n"
        )

    async with serving(script) as server:
        client = RelayClient(
            relay_setup(transport=transport, base_url=f"{server.url}/a").relay, b"{}"
        )
        await client.run()
    assert client.headers["operation-location"] == "/openai/x?y=z"


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO of Linux")
async def test_a_closed_reused_connection_is_not_a_502() -> None:
    """Its end and the next request pass each other on the way: that is sent again."""
    served: list[Connection] = []

    async def script(connection: Connection) -> None:
        served.append(connection)
        while True:
            await connection.request()
            await connection.say(OK)

    def close_now(_: ReusableConnection) -> None:
        served[0].writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async with (
        AiohttpTransport(max_connections=10, cooldown_s=0, on_reuse=close_now) as transport,
        serving(script) as server,
    ):
        setup = relay_setup(transport=transport, base_url=server.url)
        for _ in range(2):
            client = RelayClient(
                setup.relay,
                b"{}",
                headers={"content-type": "application/json", "content-length": "2"},
            )
            await client.run()
            assert (client.status, client.body) == (200, b"ok")
        await setup.wait_until_recorded()
        assert [envelope.attempts for envelope in setup.envelopes.queued] == [1, 2]
        assert server.connections == 2


async def test_an_unreachable_upstream_is_a_502(transport: AiohttpTransport) -> None:
    with socket.socket() as not_listening:
        not_listening.bind(("127.0.0.1", 0))
        port = not_listening.getsockname()[1]
        setup = relay_setup(transport=transport, base_url=f"http://127.0.0.1:{port}")
        client = RelayClient(setup.relay, b"{}")
        await client.run()
    error = json.loads(client.body)["error"]
    assert (client.status, error["code"]) == (502, "upstream_unreachable")
    assert str(port) not in error["message"]


@pytest.mark.parametrize("path", [CHAT, AUDIO])
async def test_a_disconnect_closes_the_upstreams_connection(
    transport: AiohttpTransport, path: str
) -> None:
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await connection.closed_by_client()
        closed.set()

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url)
        client = RelayClient(setup.relay, b"{}", path=path)
        running = client.start()
        await client.until_body(b"first")
        client.disconnect()
        await asyncio.wait_for(running, DEADLINE_S)
        await asyncio.wait_for(closed.wait(), DEADLINE_S)
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_a_body_of_unknown_length_passes_on_in_chunks(transport: AiohttpTransport) -> None:
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        requests.append(await connection.reader.readuntil(b"0\r\n\r\n"))
        await connection.say(OK)

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url)
        client = RelayClient(
            setup.relay, b"ab", b"c", headers={"transfer-encoding": "chunked"}, path=AUDIO
        )
        await client.run()
    assert client.body == b"ok"
    assert requests[0].partition(b"\r\n\r\n")[2] == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    await setup.wait_until_recorded()
    assert [blob.body for blob in setup.store.captures(".request")] == [b"abc"]


class LateReader(httpx.AsyncBaseTransport):
    """Hands a response on once the client's side has noticed that its connection broke."""

    def __init__(self, transport: AiohttpTransport, server: TinyServer) -> None:
        self._transport = transport
        self._server = server

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        await asyncio.wait_for(self._server.ended[0], 10)
        return response


@pytest.mark.parametrize(
    ("headers", "wire", "body", "outcome"),
    [
        (
            b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked",
            b"%x\r\n%s\r\n" % (len(STREAM), STREAM),
            STREAM,
            Outcome.COMPLETED,
        ),
        (
            b"Content-Type: application/json\r\nContent-Length: 500",
            b'{"choices": [',
            b'{"choices": [',
            Outcome.UPSTREAM_INTERRUPTED,
        ),
    ],
    ids=["a whole stream without the body's end", "a document shorter than its length"],
)
async def test_every_byte_before_a_break_arrives(
    transport: AiohttpTransport, headers: bytes, wire: bytes, body: bytes, outcome: Outcome
) -> None:
    """The client and the capture have them. A stream that held its own end gets no error and a
    proper end; half a document gets none.
    """

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n" + wire)
        await connection.end()

    async with serving(script) as server:
        telling = replace(UNTOUCHED, error_frames=True)
        setup = relay_setup(
            transport=LateReader(transport, server), base_url=server.url, interventions=telling
        )
        client = RelayClient(setup.relay, b'{"stream": true}')
        await client.run()
    completed = outcome is Outcome.COMPLETED
    assert (client.body, client.ended) == (body, completed)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.failure is None) == (outcome, completed)
    assert [blob.body for blob in setup.store.captures(".response")] == [body]


@pytest.mark.parametrize(
    "line", [b"600 Odd", b"999 Odd", b"101 Switching", b"200 OK\r\nX-Note: a\x01b"]
)
async def test_an_invalid_response_is_a_502(transport: AiohttpTransport, line: bytes) -> None:
    """No server would pass on its status or a header."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 " + line + b"\r\nContent-Length: 2\r\n\r\n{}")

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url)
        client = RelayClient(setup.relay, b"{}")
        await client.run()
        assert (client.status, json.loads(client.body)["error"]["code"]) == (
            502,
            "upstream_unreachable",
        )
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_ERROR


async def whole_or_broken(connection: Connection, ends: list[str]) -> None:
    try:
        await connection.request()
        ends.append("whole")
        await connection.say(OK)
    except (asyncio.IncompleteReadError, ConnectionError):
        ends.append("broken off")


async def test_disconnect_within_a_passing_body(
    transport: AiohttpTransport,
) -> None:
    """It breaks the call off."""
    ends: list[str] = []

    async with serving(lambda connection: whole_or_broken(connection, ends)) as server:
        setup = relay_setup(transport=transport, base_url=server.url)
        client = RelayClient(setup.relay, b"half", headers={"content-length": "8"}, path=AUDIO)
        client.body_is_whole = False
        client.disconnect()
        await client.run()
        await asyncio.wait_for(asyncio.gather(*server.ended), DEADLINE_S)
    assert ends == ["broken off"], "half a body must not look like a whole one"
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.CLIENT_DISCONNECTED, None)
    assert [blob.body for blob in setup.store.captures(".request")] == [b"half"]
    assert not client.messages


async def test_disconnect_within_the_upload_ends_the_response(
    transport: AiohttpTransport,
) -> None:
    """A disconnect ends the exchange at once, before the end of the upload and before the
    exchange's time limit.
    """
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
        await connection.closed_by_client()
        closed.set()

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url, exchange_s=10 * DEADLINE_S)
        client = RelayClient(setup.relay, b"half", headers={"content-length": "8"}, path=AUDIO)
        client.body_is_whole = False
        running = client.start()
        await client.until_body(b"begun")
        client.disconnect()
        await asyncio.wait_for(asyncio.gather(running, closed.wait()), DEADLINE_S)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.CLIENT_DISCONNECTED, 200)
    assert (envelope.request_bytes, envelope.response_bytes) == (4, 5)
    assert [blob.body for blob in setup.store.captures(".request")] == [b"half"]


async def test_a_passing_body_over_the_limit_is_rejected(
    transport: AiohttpTransport,
) -> None:
    ends: list[str] = []

    async def script(connection: Connection) -> None:
        try:
            await connection.reader.readuntil(b"\r\n0\r\n\r\n")
            ends.append("whole")
        except (asyncio.IncompleteReadError, ConnectionError):
            ends.append("broken off")

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url, request_body_bytes=10)
        client = RelayClient(
            setup.relay, b"12345", b"6789012", headers={"transfer-encoding": "chunked"}, path=AUDIO
        )
        await client.run()
        await asyncio.wait_for(asyncio.gather(*server.ended), DEADLINE_S)
    assert client.status == 413
    assert ends == ["broken off"]
    assert (await setup.envelope()).outcome is Outcome.REJECTED


async def test_a_passing_body_over_the_limit_late(
    transport: AiohttpTransport,
) -> None:
    """Its status was sent: the response breaks off, and is not started a second time."""
    answered = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
        await connection.closed_by_client()

    class LateClient(RelayClient):
        """A client that sends the rest of its body after the response has started."""

        async def _receive(self) -> dict[str, Any]:
            if len(self.pieces) == 1:
                await answered.wait()
            return await super()._receive()

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url, request_body_bytes=10)
        pieces, headers = (b"12345", b"6789012"), {"transfer-encoding": "chunked"}
        client = LateClient(setup.relay, *pieces, headers=headers, path=AUDIO)
        running = client.start()
        await client.until_body(b"begun")
        answered.set()
        await asyncio.wait_for(running, DEADLINE_S)
    assert [message["type"] for message in client.messages].count("http.response.start") == 1
    assert (client.status, client.body, client.ended) == (200, b"begun", False)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.REJECTED, 200)
    assert envelope.failure is not None
    assert envelope.failure.code == "body_too_large"


async def test_a_connection_with_a_broken_body_closes(
    transport: AiohttpTransport,
) -> None:
    """It is not reused."""
    ends: list[str] = []

    async with serving(lambda connection: whole_or_broken(connection, ends)) as server:

        def setup() -> RelaySetup:
            return relay_setup(transport=transport, base_url=server.url)

        broken = RelayClient(setup().relay, b"half", headers={"content-length": "8"}, path=AUDIO)
        broken.body_is_whole = False
        broken.disconnect()
        await broken.run()
        client = RelayClient(setup().relay, b"complete", path=AUDIO)
        await client.run()
    assert client.body == b"ok"
    assert sorted(ends) == ["broken off", "whole"]


async def test_an_early_error_for_a_passing_body(
    transport: AiohttpTransport,
) -> None:
    """The client gets it although its body has not all been sent."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await connection.closed_by_client()

    async with serving(script) as server:
        setup = relay_setup(transport=transport, base_url=server.url)
        client = RelayClient(
            setup.relay, b"x" * 10, headers={"content-length": "900000"}, path=AUDIO
        )
        client.body_is_whole = False  # the rest never comes
        await client.run()
    assert (client.status, client.body) == (401, b"no")
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_ERROR
