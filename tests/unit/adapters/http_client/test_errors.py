"""aiohttp's exceptions become httpx's, or fnsse's where httpx has none."""

from __future__ import annotations

import aiohttp
import httpx
import pytest

from shared.adapters.http_client.connection_pool import ReusedConnectionLost
from shared.adapters.http_client.errors import translate
from shared.errors import UpstreamConnectionLost


@pytest.mark.parametrize(
    ("error", "before_headers", "within_body"),
    [
        (aiohttp.ConnectionTimeoutError(), httpx.ConnectTimeout, httpx.ConnectTimeout),
        (aiohttp.SocketTimeoutError(), httpx.ReadTimeout, httpx.ReadTimeout),
        (TimeoutError(), httpx.ReadTimeout, httpx.ReadTimeout),
        (
            aiohttp.ServerDisconnectedError(),
            httpx.RemoteProtocolError,
            httpx.RemoteProtocolError,
        ),
        (aiohttp.ClientPayloadError(), httpx.RemoteProtocolError, httpx.RemoteProtocolError),
        (aiohttp.ClientOSError(), httpx.WriteError, httpx.ReadError),
        (ConnectionResetError(), httpx.WriteError, httpx.ReadError),
        (
            ReusedConnectionLost(request_unread=True),
            UpstreamConnectionLost,
            httpx.RemoteProtocolError,
        ),
    ],
)
def test_each_exception_has_one_translation(
    error: Exception, before_headers: type[Exception], within_body: type[Exception]
) -> None:
    """A reused connection that breaks within a response is not one that was lost before it."""
    assert type(translate(error, before_headers=True)) is before_headers
    assert type(translate(error, before_headers=False)) is within_body


@pytest.mark.parametrize("request_unread", [True, False])
def test_a_lost_connection_and_its_request(*, request_unread: bool) -> None:
    """Only what the upstream did not receive is sent again."""
    translated = translate(ReusedConnectionLost(request_unread=request_unread), before_headers=True)
    assert isinstance(translated, UpstreamConnectionLost)
    assert translated.request_unread is request_unread
