"""aiohttp's exceptions as httpx's, which are the interface of the upstream, or as fnsse's where
httpx has none.
"""

from __future__ import annotations

from typing import Final

import aiohttp
import httpx

from shared.adapters.http_client.connection_pool import ReusedConnectionLost
from shared.errors import UpstreamConnectionLost

_CONNECTION_LOST: Final = "Azure OpenAI closed the connection without a response. Try again."


def drop_traceback[E: BaseException](error: E) -> E:
    """Drop the traceback of an exception. aiohttp keeps the exception at the connection, and its
    frames hold the whole exchange, prompt included, until a garbage collection: an upstream that is
    down would fill the memory.
    """
    return error.with_traceback(None)


def translate(
    error: BaseException, *, before_headers: bool
) -> httpx.TransportError | UpstreamConnectionLost:
    """httpx's exception for one of aiohttp's. It is UpstreamConnectionLost if a connection that had
    served another call was closed before the response began.

    The order matters: aiohttp's classes overlap.
    """
    text = type(error).__name__
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(text)
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(text)
    if before_headers and isinstance(error, ReusedConnectionLost):
        return UpstreamConnectionLost(_CONNECTION_LOST, request_unread=error.request_unread)
    if isinstance(error, TimeoutError):  # aiohttp.SocketTimeoutError too
        return httpx.ReadTimeout(text)
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
        return httpx.RemoteProtocolError(text)
    if isinstance(error, aiohttp.ClientResponseError):  # the response is not HTTP
        return httpx.RemoteProtocolError(text)
    return httpx.WriteError(text) if before_headers else httpx.ReadError(text)
