"""The embedded Functions host's own limit on request bodies, in front of the relay, with a limit
that is quickly reached.
"""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from starlette.types import ASGIApp

from emulators.functions_host.functions import HttpFunction
from emulators.functions_host.http_front import HttpFront
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.routes import FunctionRoute
from emulators.functions_host.worker_library import (
    IndexedFunction,
    Invocation,
    InvocationResult,
    WorkerLibrary,
)
from shared.core.records.exchange.outcome import Outcome as ExchangeOutcome
from tests.integration.support.exchanges import DEADLINE_S
from tests.integration.support.served_relay import serve_relay
from tests.integration.support.tiny_server import Connection, serving

pytestmark = pytest.mark.anyio
LIMIT_BYTES = 1000
EMPTY_500 = b"HTTP/1.1 500 Internal Server Error\r\n"
CHAT = "/openai/deployments/gpt-4o/chat/completions"  # its body is held whole before it goes up
AUDIO = "/openai/deployments/whisper/audio/transcriptions"  # its body is passed on as it comes


class SucceedingLibrary:
    """Takes the worker library's place: every invocation succeeds."""

    async def invoke(self, _: Invocation) -> InvocationResult:
        return InvocationResult(error=None)

    def forget_http(self, _: str) -> None:
        """Nothing was kept."""


def with_the_front(app: ASGIApp) -> ASGIApp:
    library = cast("WorkerLibrary", SucceedingLibrary())
    function = HttpFunction(
        function=IndexedFunction(
            name="openai", function_id="1", bindings=(), has_retry_policy=False
        ),
        parameter="req",
        route=FunctionRoute.parse("openai", "openai/{*path}"),
        methods=(),
    )
    invocations = Invocations(library, timeout_s=None, replace_worker=lambda: None, verbose=False)
    front = HttpFront([function], library, app, invocations, max_request_body_bytes=LIMIT_BYTES)
    return cast("ASGIApp", front)


async def exchange(
    url: str, path: str, headers: bytes, *pieces: bytes, begun_with: bytes = b""
) -> bytes:
    """The response's bytes, once all pieces are sent; the second one follows these bytes of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(
        b"POST %b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n%b\r\n" % (path.encode(), headers)
    )
    response = b""
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.05)  # pieces that arrive one by one: no wait for anything
        if begun_with and not response:
            async with asyncio.timeout(DEADLINE_S):
                response = await reader.readuntil(begun_with)
    async with asyncio.timeout(DEADLINE_S):
        response += await reader.read()
    writer.close()
    return response


def chunk(size: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, b"x" * size)


async def reading(connection: Connection) -> None:
    await connection.closed_by_client()


async def answering(connection: Connection) -> None:
    """Answer before the request's body has come."""
    await connection.head()
    await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegun")
    await connection.closed_by_client()


def is_empty_500(response: bytes) -> bool:
    return (
        response.startswith(EMPTY_500)
        and response.endswith(b"\r\n\r\n")
        and b"x-exchange-id" not in response.lower()
    )


@pytest.mark.parametrize("path", [CHAT, AUDIO])
async def test_a_chunked_body_over_the_limit(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The client gets an empty 500, as on the real host, and nothing is blamed on the upstream."""
    async with (
        serving(reading) as upstream,
        serve_relay(upstream, in_front=with_the_front) as relay,
    ):
        pieces = (chunk(LIMIT_BYTES - 1), chunk(1), chunk(1), b"0\r\n\r\n")
        response = await exchange(relay.url, path, b"transfer-encoding: chunked\r\n", *pieces)
        envelope = await relay.envelope()
    assert is_empty_500(response)
    assert (envelope.outcome, envelope.status_code, envelope.failure) == (
        ExchangeOutcome.CLIENT_DISCONNECTED,
        None,
        None,
    )
    assert "Request body too large" in capsys.readouterr().out


async def test_a_response_that_has_started_is_aborted() -> None:
    """A second status cannot follow."""
    async with (
        serving(answering) as upstream,
        serve_relay(upstream, in_front=with_the_front) as relay,
    ):
        pieces = (chunk(10), chunk(LIMIT_BYTES), b"0\r\n\r\n")
        framing = b"transfer-encoding: chunked\r\n"
        response = await exchange(relay.url, AUDIO, framing, *pieces, begun_with=b"begun")
        envelope = await relay.envelope()
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"\r\n\r\nbegun")
    assert envelope.outcome is ExchangeOutcome.CLIENT_DISCONNECTED


async def test_an_announced_body_over_the_limit() -> None:
    """It never reaches the app."""
    async with (
        serving(reading) as upstream,
        serve_relay(upstream, in_front=with_the_front) as relay,
    ):
        response = await exchange(relay.url, CHAT, b"content-length: %d\r\n" % (LIMIT_BYTES + 1))
        assert is_empty_500(response)
        assert relay.envelopes.queued == []


async def test_a_chunked_body_at_the_limit_passes() -> None:
    async def whole(connection: Connection) -> None:
        await connection.reader.readuntil(b"0\r\n\r\n")
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with serving(whole) as upstream, serve_relay(upstream, in_front=with_the_front) as relay:
        pieces = (chunk(LIMIT_BYTES), b"0\r\n\r\n")
        response = await exchange(relay.url, AUDIO, b"transfer-encoding: chunked\r\n", *pieces)
        envelope = await relay.envelope()
    assert response.endswith(b"\r\n\r\nok")
    assert envelope.outcome is ExchangeOutcome.COMPLETED
