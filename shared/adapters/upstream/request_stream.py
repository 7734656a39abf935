"""The body of a request as a stream of httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx

from shared.ports.upstream import RequestBodySource

# A body of this size and its headers are written without waiting for the socket (aiohttp).
_SHORT_BYTES: Final = 32 * 1024


async def request_stream(body: RequestBodySource) -> httpx.AsyncByteStream:
    """The body for httpx.Request. A short body that has arrived is one piece, which costs half of
    what an iterator does; any other comes in pieces, so that a stalled write is noticed at each of
    them.
    """
    if body.is_repeatable and body.size_bytes is not None and body.size_bytes <= _SHORT_BYTES:
        return httpx.ByteStream(b"".join([piece async for piece in body]))
    return _BodyStream(body)


class _BodyStream(httpx.AsyncByteStream):
    def __init__(self, body: RequestBodySource) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)  # not a generator of its own, which each piece would pass through
