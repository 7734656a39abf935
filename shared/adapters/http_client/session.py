"""What every session of aiohttp is kept from doing of its own accord."""

from __future__ import annotations

from typing import Final

import aiohttp

# Headers that aiohttp would add: no caller sent them, and no signature covers them.
SKIPPED_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class NotRepeated(Exception):
    """Takes an error past aiohttp, which would send GET, PUT, DELETE and others again."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__()
        self.error = error


async def send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware: aiohttp looks for the errors after which it sends a request again, and here it
    sees another one. Raises NotRepeated.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise NotRepeated(error) from None
