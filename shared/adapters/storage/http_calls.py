"""HTTP calls to the storage services, on one aiohttp session.

aiohttp may do nothing of its own accord here: it follows no redirect, keeps no cookie, decodes no
body, reads no proxy from the environment, adds no header that the signature does not cover, and
sends no request twice. (By itself it repeats an idempotent request on a connection that the service
closed meanwhile. `DirectStorage` counts its tries, so that repetition is switched off.)
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from shared.adapters.http_client.connection_pool import ConnectionPool
from shared.adapters.http_client.session import RetrySuppressed, open_session
from shared.errors import StorageError
from shared.settings.timeouts import StorageTimeouts


@dataclass(frozen=True, slots=True)
class StorageResponse:
    """A storage service's response, of any status."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class StorageHttp:
    """A pool of connections. It belongs to the event loop of its first call."""

    def __init__(
        self,
        timeouts: StorageTimeouts | None = None,
        *,
        connections_per_host: int = 100,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: None for the authorities that the machine trusts."""
        self._timeouts = timeouts or StorageTimeouts()
        self._connections_per_host = connections_per_host
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._turns: dict[str, asyncio.Semaphore] = {}  # by origin: as many as connections

    async def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> StorageResponse:
        """One try. `url` is percent-encoded and sent as it is.

        Raises StorageError if there is no connection, if it breaks, is silent or takes too
        long, and if the response is not HTTP.
        """
        address = URL(url, encoded=True)
        session = self._session or self._open_session()
        try:
            turns = await self._take_turn(address)
            try:
                over_at = asyncio.get_running_loop().time() + self._timeouts.response_s
                # One timer for all of a try: aiohttp's own read timeout sets up a new one with
                # every piece, which costs 0.1 ms of CPU an exchange.
                async with asyncio.timeout(self._timeouts.silence_s) as deadline:
                    response = await session.request(
                        method, address, headers=headers, data=body or None, allow_redirects=False
                    )
                    return await self._read(response, deadline, over_at)
            finally:
                turns.release()
        # without a traceback: its frames hold the body
        except RetrySuppressed as suppressed:
            raise _translate(suppressed.error) from suppressed.error.with_traceback(None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _translate(error) from error.with_traceback(None)

    async def _take_turn(self, address: URL) -> asyncio.Semaphore:
        """Wait for one of the connections; the caller releases it.

        aiohttp would wait as well, but within the time for the response. A request that is sent
        late in that time is given up while the service works on it: the more calls wait, the more
        of its work is lost.
        """
        origin = f"{address.scheme}://{address.raw_authority}"
        turns = self._turns.get(origin)
        if turns is None:
            turns = self._turns[origin] = asyncio.Semaphore(self._connections_per_host)
        if turns.locked():
            async with asyncio.timeout(self._timeouts.turn_s):
                await turns.acquire()
        else:
            await turns.acquire()  # returns at once
        return turns

    async def _read(
        self, response: aiohttp.ClientResponse, deadline: asyncio.Timeout, over_at: float
    ) -> StorageResponse:
        content, now = response.content, asyncio.get_running_loop().time
        try:
            if response.status < 200:  # 101: nothing asked for another protocol
                raise aiohttp.ClientConnectionError(f"status {response.status}")
            pieces = [await content.readany()]
            while not content.at_eof():
                deadline.reschedule(min(now() + self._timeouts.silence_s, over_at))
                pieces.append(await content.readany())
        finally:
            response.close()  # has no effect if the whole response was read
        return StorageResponse(response.status, response.headers, b"".join(pieces))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        timeouts = self._timeouts
        self._session = open_session(
            ConnectionPool(
                limit=0,
                limit_per_host=self._connections_per_host,
                keepalive_timeout=timeouts.idle_s,
                ssl=self._tls or True,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect_s),
        )
        return self._session


def _translate(error: BaseException) -> StorageError:
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return StorageError(f"storage could not be reached: {_reason(error)}")
    return StorageError(f"storage did not answer: {_reason(error)}")


def _reason(error: BaseException) -> str:
    if type(error) is aiohttp.ClientConnectionError:  # made above, with a reason
        return str(error)
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return type(cause).__name__
