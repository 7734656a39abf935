"""aiohttp's exceptions as httpx's, which are the interface of the upstream."""

from __future__ import annotations

import aiohttp
import httpx

from shared.adapters.connection_pool import KeptConnectionLost


class KeptConnectionError(httpx.RemoteProtocolError):
    """A connection that had served another request before was closed without an answer.

    `unread`: the server had received nothing of the request when it closed the connection.
    """

    def __init__(self, message: str, *, unread: bool) -> None:
        super().__init__(message)
        self.unread = unread


def untraced[E: BaseException](error: E) -> E:
    """Drop the traceback of an exception. aiohttp keeps the exception at the connection, and its
    frames hold the whole exchange, prompt included, until a garbage collection: an upstream that is
    down would fill the memory.
    """
    return error.with_traceback(None)


def translate(error: BaseException, *, before_headers: bool) -> httpx.TransportError:
    """httpx's exception for one of aiohttp's. The order matters: aiohttp's classes overlap."""
    text = type(error).__name__
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(text)
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(text)
    if isinstance(error, KeptConnectionLost):
        return KeptConnectionError(text, unread=error.unread)
    if isinstance(error, TimeoutError):  # aiohttp.SocketTimeoutError too
        return httpx.ReadTimeout(text)
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
        return httpx.RemoteProtocolError(text)
    if isinstance(error, aiohttp.ClientResponseError):  # what came back is not HTTP
        return httpx.RemoteProtocolError(text)
    return httpx.WriteError(text) if before_headers else httpx.ReadError(text)
