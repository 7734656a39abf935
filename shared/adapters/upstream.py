"""The upstream: Azure OpenAI, or whatever AZURE_OPENAI_BASE_URL names. httpx's errors become
fnsse's here, and only here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final, Protocol, cast

import httpx

from shared.core.wire.headers import RawHeaders
from shared.errors import UpstreamInterrupted, UpstreamTimeout, UpstreamUnreachable
from shared.settings.settings import UpstreamSettings

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Credential(Protocol):
    """What authenticates the proxy at the upstream."""

    async def headers(self) -> RawHeaders:
        """One header; may fetch a token first. Raises UpstreamUnreachable where none can be had."""
        ...


class Body(Protocol):
    """A request body in pieces."""

    size_bytes: int | None  # None: not known before its end

    def in_one_piece(self) -> bytes | None:
        """All of it where it is short and there: that costs half of what an iterator does."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Upstream:
    """Sends an exchange's request and hands out the answer as it comes."""

    def __init__(
        self,
        settings: UpstreamSettings,
        transport: httpx.AsyncBaseTransport,
        credential: Credential,
    ) -> None:
        base = httpx.URL(settings.base_url)
        self._origin = base.copy_with(raw_path=b"/")
        self._prefix = base.raw_path.rstrip(b"/")
        self._transport = transport
        self._credential = credential
        self._settings = settings
        self._timeout = {
            "connect": settings.connect_timeout_s,
            "write": settings.write_timeout_s,
            "read": settings.read_timeout_s,
            "pool": settings.connect_timeout_s,
        }

    async def credential_headers(self) -> RawHeaders:
        """The header that authenticates the proxy."""
        return await self._credential.headers()

    async def open(
        self, method: str, target: bytes, headers: RawHeaders, body: Body
    ) -> httpx.Response:
        """The answer's status and headers; its body is read with `pieces`. `target` is path and
        query, sent as it is.

        Raises UpstreamUnreachable or UpstreamTimeout. Close the response with `aclose`.
        """
        request = httpx.Request(
            method,
            self._origin,
            headers=headers + _framing(method, body),
            stream=httpx.ByteStream(held)
            if (held := body.in_one_piece()) is not None
            else _Stream(body),
            extensions={"target": self._prefix + target, "timeout": self._timeout},
        )
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TimeoutException as error:
            raise UpstreamTimeout(self._timeout_message(error)) from error
        except httpx.TransportError as error:
            raise UpstreamUnreachable(
                f"Azure OpenAI could not be reached ({type(error).__name__}). Try again; if it stays so, the operator of this "
                "proxy should check AZURE_OPENAI_BASE_URL and the network."
            ) from error
        if not _is_passable(response):
            await response.aclose()
            raise UpstreamUnreachable(
                "Azure OpenAI's answer is not valid HTTP: its status or a header cannot be passed on."
            )
        return response

    async def pieces(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """The body as the network delivers it. Raises UpstreamTimeout or UpstreamInterrupted."""
        try:
            # Not aiter_raw(): it would pass each piece through two more generators and change
            # nothing.
            async for piece in cast(httpx.AsyncByteStream, response.stream):
                if piece:
                    yield piece
        except httpx.TimeoutException as error:
            raise UpstreamTimeout(self._timeout_message(error)) from error
        except httpx.TransportError as error:
            raise UpstreamInterrupted(
                f"The connection to Azure OpenAI broke within the answer ({type(error).__name__})."
            ) from error

    def _timeout_message(self, error: httpx.TimeoutException) -> str:
        settings = self._settings
        if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)):
            what, seconds, setting = (
                "gave no connection",
                settings.connect_timeout_s,
                "UPSTREAM_CONNECT_TIMEOUT_S",
            )
        elif isinstance(error, httpx.WriteTimeout):
            what, seconds, setting = (
                "took nothing of the request body",
                settings.write_timeout_s,
                "UPSTREAM_WRITE_TIMEOUT_S",
            )
        else:
            what, seconds, setting = (
                "sent nothing",
                settings.read_timeout_s,
                "UPSTREAM_READ_TIMEOUT_S",
            )
        return f"Azure OpenAI {what} for {seconds:g} s ({setting})."


def _is_passable(response: httpx.Response) -> bool:
    """No HTTP server would pass on a status that is none, or a control character."""
    return 200 <= response.status_code <= 599 and not any(
        _CONTROL.search(value) for _, value in response.headers.raw
    )


class _Stream(httpx.AsyncByteStream):
    """A body as httpx wants it."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.__aiter__()


def _framing(method: str, body: Body) -> RawHeaders:
    if body.size_bytes is None:
        return [(b"transfer-encoding", b"chunked")]
    if body.size_bytes or method in {"POST", "PUT", "PATCH"}:
        return [(b"content-length", str(body.size_bytes).encode())]
    return []
