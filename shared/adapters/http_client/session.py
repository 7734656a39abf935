"""Sessions of aiohttp that do nothing of their own accord."""

from __future__ import annotations

from typing import Any, Final

import aiohttp

# Headers that aiohttp would add: no caller sent them, and no signature covers them.
_SKIPPED_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class RetrySuppressed(Exception):
    """Takes an error past aiohttp, which would send GET, PUT, DELETE and others again."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__()
        self.error = error


def open_session(connector: aiohttp.BaseConnector, **bounds: Any) -> aiohttp.ClientSession:
    """A session that keeps no cookie, adds no header, decodes no body, reads no proxy from the
    environment, and sends no request twice: its calls raise RetrySuppressed instead.

    `bounds`: the limits and time-outs among the arguments of aiohttp.ClientSession.
    """
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_SKIPPED_HEADERS,
        auto_decompress=False,
        trust_env=False,
        middlewares=(_suppress_retries,),
        **bounds,
    )


async def _suppress_retries(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware: aiohttp looks for the errors after which it sends a request again, and here it
    sees another one. Raises RetrySuppressed.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise RetrySuppressed(error) from None
