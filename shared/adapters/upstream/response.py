"""A response of the upstream, whose body is read as it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from shared.core.wire.http.headers import RawHeaders
from shared.errors import UpstreamInterrupted, UpstreamTimeout
from shared.settings.settings import UpstreamSettings


class StreamedResponse:
    """A response whose status and headers have come, as an UpstreamResponse."""

    def __init__(
        self, response: httpx.Response, headers: RawHeaders, settings: UpstreamSettings
    ) -> None:
        """`headers` are those that may be passed on."""
        self.status = response.status_code
        self.headers = headers
        self._response = response
        self._body = _body_of(response)
        self._settings = settings

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            # aiter_raw() is one more generator, which costs time for every piece of every stream.
            async for piece in self._body:
                if piece:
                    yield piece
        except httpx.TimeoutException as error:
            raise UpstreamTimeout(timeout_message(error, self._settings)) from error
        except httpx.TransportError as error:
            raise UpstreamInterrupted(
                f"The connection to Azure OpenAI broke within the response ({type(error).__name__})."
            ) from error

    async def aclose(self) -> None:
        await self._response.aclose()


def timeout_message(error: httpx.TimeoutException, settings: UpstreamSettings) -> str:
    """The problem in words, with the seconds that the upstream had and the setting for them."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            problem, seconds = "gave no connection", settings.connect_timeout_s
            setting = "UPSTREAM_CONNECT_TIMEOUT_S"
        case httpx.WriteTimeout():
            problem, seconds = "took nothing of the request body", settings.write_timeout_s
            setting = "UPSTREAM_WRITE_TIMEOUT_S"
        case _:
            problem, seconds = "sent nothing", settings.read_timeout_s
            setting = "UPSTREAM_READ_TIMEOUT_S"
    return f"Azure OpenAI {problem} for {seconds:g} s ({setting})."


def _body_of(response: httpx.Response) -> httpx.AsyncByteStream:
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("the transport's response has no asynchronous body")
    return response.stream
