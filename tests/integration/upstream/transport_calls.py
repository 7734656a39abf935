"""Requests through the transport to a server of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import httpx

from shared.adapters.http_client.connection_pool import ReusableConnection
from shared.adapters.http_client.transport import AiohttpTransport
from tests.integration.support.tiny_server import OK, Connection

LONG_S = 60.0  # longer than any test waits
SHORT_S = 0.15


@contextlib.asynccontextmanager
async def sample_transport(
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
        self.ended = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
            await asyncio.sleep(self.pause_s)
        self.ended.set()


def sample_request(
    url: str,
    *pieces: bytes,
    target: bytes = b"/x",
    body: Pieces | None = None,
    **timeouts: float,
) -> httpx.Request:
    """A POST with this body or a body of `pieces`, or a GET without; timeouts are long by
    default.
    """
    body = body or Pieces(*pieces)
    size = sum(map(len, body.pieces))
    return httpx.Request(
        "POST" if body.pieces else "GET",
        url,
        headers={"content-length": str(size)} if body.pieces else {},
        stream=body,
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


async def keep_answering(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.say(OK)
