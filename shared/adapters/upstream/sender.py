"""Calls the upstream, which AZURE_OPENAI_BASE_URL names, through an httpx transport. This module
and `response` alone translate httpx's exceptions into fnsse's.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import httpx

from shared.adapters.upstream.response import StreamedResponse, timeout_message
from shared.core.wire.http import forwarding
from shared.core.wire.http.headers import RawHeaders
from shared.errors import (
    UpstreamConnectionLost,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from shared.ports.upstream import RequestBodySource
from shared.settings.settings import UpstreamSettings

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})  # RFC 9110, 9.2.1
_MAX_REPEATS: Final = 2  # a repeated call may meet another connection at its end
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})  # an empty one is announced
# A body of this size and its headers are written without waiting for the socket (aiohttp).
_SHORT_BYTES: Final = 32 * 1024
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Credential(Protocol):
    """Authenticates the proxy at the upstream."""

    async def headers(self) -> RawHeaders:
        """One header; may fetch a token first. Raises UpstreamUnreachable if there is none."""
        ...


class RequestSender:
    """Sends requests and hands out the responses as they arrive, as an UpstreamClient."""

    def __init__(
        self,
        settings: UpstreamSettings,
        transport: httpx.AsyncBaseTransport,
        credential: Credential,
    ) -> None:
        base = httpx.URL(settings.base_url)
        self._origin = base.copy_with(raw_path=b"/")
        self._prefix = base.raw_path.rstrip(b"/")
        self._addresses = forwarding.upstream_addresses(base.host, base.port, self._prefix)
        # An AsyncClient would keep cookies, log URLs, and pass each piece through more generators.
        self._transport = transport
        self._credential = credential
        self._settings = settings
        self._timeout = httpx.Timeout(
            connect=settings.connect_timeout_s,
            write=settings.write_timeout_s,
            read=settings.read_timeout_s,
            pool=settings.connect_timeout_s,
        ).as_dict()

    async def credential_headers(self) -> RawHeaders:
        return await self._credential.headers()

    async def send(
        self,
        method: str,
        target: bytes,
        headers: RawHeaders,
        body: RequestBodySource,
        *,
        on_attempt: Callable[[], None] = lambda: None,
    ) -> StreamedResponse:
        """If the upstream closed a reused connection, the request is sent again if the upstream had
        received nothing of it, or if its method changes nothing. Any other request may have been
        carried out: UpstreamConnectionLost is raised.
        """
        for _ in range(_MAX_REPEATS):
            on_attempt()
            try:
                return await self._send(method, target, headers, body)
            except UpstreamConnectionLost as error:
                harmless = error.request_unread or method in _SAFE_METHODS
                if not (harmless and body.is_repeatable):
                    raise
        on_attempt()
        return await self._send(method, target, headers, body)

    async def _send(
        self, method: str, target: bytes, headers: RawHeaders, body: RequestBodySource
    ) -> StreamedResponse:
        request = httpx.Request(
            method,
            self._origin,
            headers=headers + _framing(method, body.size_bytes),
            stream=await request_stream(body),
            extensions={"target": self._prefix + target, "timeout": self._timeout},
        )
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TimeoutException as error:
            raise UpstreamTimeout(timeout_message(error, self._settings)) from error
        except httpx.TransportError as error:
            raise UpstreamUnreachable(
                f"Azure OpenAI could not be reached ({type(error).__name__}). Try again; if it stays so, "
                "the operator of this proxy should check AZURE_OPENAI_BASE_URL and the network."
            ) from error
        if not _is_passable(response):
            await response.aclose()
            raise UpstreamUnreachable(
                "Azure OpenAI's response is not valid HTTP: its status or a header cannot be passed on."
            )
        headers = forwarding.without_upstream(response.headers.raw, self._addresses)
        return StreamedResponse(response, headers, self._settings)


async def request_stream(body: RequestBodySource) -> httpx.AsyncByteStream:
    """The body for httpx.Request. A short body that has arrived is one piece, which costs half of
    what an iterator does. The transport writes these very bytes: nothing is copied on the way. Any
    other body comes in pieces, so that a stalled write is noticed at each of them.
    """
    if body.is_repeatable and body.size_bytes is not None and body.size_bytes <= _SHORT_BYTES:
        return httpx.ByteStream(b"".join([piece async for piece in body]))
    return _PiecewiseBody(body)


class _PiecewiseBody(httpx.AsyncByteStream):
    """The body as httpx's type, which httpx's own transport insists on."""

    def __init__(self, body: RequestBodySource) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)  # not a generator of its own, which each piece would pass through


def _framing(method: str, size_bytes: int | None) -> RawHeaders:
    """The header by which the server finds the body's end. httpx adds none to a stream."""
    if size_bytes is None:
        return [(b"transfer-encoding", b"chunked")]
    if size_bytes or method in _METHODS_WITH_BODY:
        return [(b"content-length", str(size_bytes).encode())]
    return []


def _is_passable(response: httpx.Response) -> bool:
    """Whether an HTTP server would pass status and headers on: not a status below 200 or above 599,
    nor a control character.
    """
    return 200 <= response.status_code <= 599 and not any(
        _CONTROL.search(value) for _, value in response.headers.raw
    )
