"""Fetches whole responses from the upstream on the app's own behalf, with its credential."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from shared.adapters.upstream.response import StreamedResponse
from shared.adapters.upstream.sender import RequestSender
from shared.core.wire.http import forwarding
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.errors import UpstreamInterrupted, UpstreamTimeout
from shared.settings.timeouts import FOLLOW_S

MAX_BYTES: Final = 32 * 1024 * 1024


class _NoBody:
    """The body of a GET."""

    size_bytes = 0
    is_repeatable = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield b""  # an iterator


class UpstreamReader:
    """Fetches whole responses, as a ResponseFetcher."""

    def __init__(
        self,
        upstream: RequestSender,
        *,
        timeout_s: float = FOLLOW_S,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout_s` bounds one fetch, repeats included; `max_bytes` bounds the body."""
        self._upstream = upstream
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._clock = clock

    async def get(self, target: bytes) -> FetchedResponse:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(target)
        except TimeoutError:
            raise UpstreamTimeout(
                f"Azure OpenAI took longer than {self._timeout_s:g} s to report the status "
                "of a response."
            ) from None

    async def _get(self, target: bytes) -> FetchedResponse:
        began_at = self._clock()
        response = await self._open(target)
        to_headers_ms = (self._clock() - began_at) * 1000
        try:
            body = bytearray()
            async for piece in response.pieces():
                body += piece
                if len(body) > self._max_bytes:
                    raise UpstreamInterrupted(
                        f"A response of more than {self._max_bytes} bytes is not followed."
                    )
        finally:
            await response.aclose()
        return FetchedResponse(
            status=response.status,
            headers=response.headers,
            body=bytes(body),
            to_headers_ms=to_headers_ms,
            to_end_ms=(self._clock() - began_at) * 1000,
        )

    async def _open(self, target: bytes) -> StreamedResponse:
        credential = await self._upstream.credential_headers()
        headers = forwarding.request_headers([], credential)
        return await self._upstream.send("GET", target, headers, _NoBody())
