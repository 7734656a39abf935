"""The transport sends requests byte for byte."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.support.tiny_server import OK, Connection, serving
from tests.integration.upstream.transport_calls import (
    body_of,
    sample_request,
    sample_transport,
)

pytestmark = pytest.mark.anyio


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

    async with serving(script) as server, sample_transport() as transport:
        await body_of(
            await transport.handle_async_request(sample_request(server.url, target=target))
        )
    assert heads[0].split(b"\r\n")[0] == b"GET " + target + b" HTTP/1.1"


async def test_no_header_is_added() -> None:
    """Only the given headers go up, and the host."""
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.request())
        await connection.say(OK)

    async with serving(script) as server, sample_transport() as transport:
        request = sample_request(server.url, b"{}")
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

    async with serving(script) as server, sample_transport() as transport:
        for body in (b"{}", b"x" * 32_768):
            request = sample_request(server.url, body)
            request.stream = httpx.ByteStream(body)
            assert await body_of(await transport.handle_async_request(request)) == b"ok"
        assert server.connections == 1


@pytest.mark.parametrize("value", ["plain", "žluť 🐎", "tab\tand  spaces"])
async def test_a_headers_bytes_go_up_unchanged(value: str) -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.say(OK)

    async with serving(script) as server, sample_transport() as transport:
        request = sample_request(server.url)
        request.headers = httpx.Headers([*request.headers.raw, (b"x-note", value.encode())])
        await body_of(await transport.handle_async_request(request))
    assert b"x-note: " + value.encode() + b"\r\n" in heads[0]


async def test_a_body_goes_up_with_its_length() -> None:
    """Nothing is added to it."""
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        requests.append(await connection.request())
        await connection.say(OK)

    async with serving(script) as server, sample_transport() as transport:
        await body_of(
            await transport.handle_async_request(sample_request(server.url, b'{"a"', b":1}"))
        )
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert b"transfer-encoding" not in head.lower()


async def test_an_empty_body_is_announced_as_empty() -> None:
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.say(OK)

    async with serving(script) as server, sample_transport() as transport:
        await body_of(await transport.handle_async_request(sample_request(server.url, b"")))
    assert b"content-length: 0" in heads[0].lower()
    assert b"transfer-encoding" not in heads[0].lower()


async def test_a_body_of_unknown_length_is_chunked() -> None:
    requests: list[bytes] = []

    async def script(connection: Connection) -> None:
        requests.append(await connection.reader.readuntil(b"0\r\n\r\n"))
        await connection.say(OK)

    async with serving(script) as server, sample_transport() as transport:
        request = sample_request(server.url, b"ab", b"c")
        request.headers = httpx.Headers({"transfer-encoding": "chunked", "host": "h"})
        await body_of(await transport.handle_async_request(request))
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.lower().count(b"transfer-encoding: chunked") == 1
    assert body == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
