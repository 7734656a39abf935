"""Fetching a whole response of the upstream on the app's own behalf."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.adapters.http_client.transport import AiohttpTransport
from shared.adapters.identity.credentials import KeyCredential
from shared.adapters.upstream.reader import UpstreamReader
from shared.adapters.upstream.sender import RequestSender
from shared.core.wire.http.headers import header
from shared.errors import UpstreamInterrupted, UpstreamUnreachable
from tests.integration.support.exchanges import UPSTREAM
from tests.integration.support.tiny_server import OK, Connection, Script, serving

pytestmark = pytest.mark.anyio

TARGET = b"/openai/v1/responses/resp_1?api-version=preview"


@contextlib.asynccontextmanager
async def sample_reader(script: Script, max_bytes: int = 1000) -> AsyncIterator[UpstreamReader]:
    async with (
        serving(script) as server,
        AiohttpTransport(max_connections=10) as transport,
    ):
        settings = replace(UPSTREAM, base_url=server.url, read_timeout_s=20)
        upstream = RequestSender(settings, transport, KeyCredential("the-apps-key"))
        yield UpstreamReader(upstream, max_bytes=max_bytes)


async def test_a_request_has_the_apps_credential() -> None:
    """It accepts no content coding."""
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        requests.append(await connection.request())
        await connection.say(
            b"HTTP/1.1 404 Not Found\r\nx-ms-region: r\r\ncontent-length: 2\r\n\r\n"
        )
        await connection.say(b"{}")

    async with sample_reader(script) as reader:
        response = await reader.get(TARGET)
    (request,) = requests
    assert request.startswith(b"GET " + TARGET + b" HTTP/1.1\r\n")
    assert b"api-key: the-apps-key\r\n" in request
    assert b"accept-encoding: identity\r\n" in request
    assert b"content-length" not in request.lower()
    assert (response.status, response.body) == (404, b"{}")
    assert header(response.headers, b"x-ms-region") == "r"
    assert 0 <= response.to_headers_ms <= response.to_end_ms


async def test_a_kept_connection_that_is_closed_is_replaced() -> None:
    """A GET changes nothing, so it is sent again."""
    answered: list[int] = []

    async def script(connection: Connection) -> None:
        await connection.request()
        answered.append(connection.number)
        await connection.say(OK)
        if connection.number == 0:
            await connection.request()
            connection.reset()
        else:
            await connection.closed_by_client()

    async with sample_reader(script) as reader:
        bodies = [(await reader.get(TARGET)).body for _ in range(2)]
    assert bodies == [b"ok", b"ok"]
    assert answered == [0, 1]


async def test_a_response_that_is_too_large_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + bytes(1001))
        await connection.closed_by_client()

    async with sample_reader(script) as reader:
        with pytest.raises(UpstreamInterrupted, match="more than 1000 bytes"):
            await reader.get(TARGET)


async def test_no_server_is_an_error_of_the_upstream() -> None:
    async def script(connection: Connection) -> None:
        connection.reset()

    async with sample_reader(script) as reader:
        with pytest.raises(UpstreamUnreachable):
            await reader.get(TARGET)
