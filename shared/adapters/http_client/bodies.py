"""The bodies of a request and of its response, between httpx and aiohttp: pieces as they come, with
the time-outs that aiohttp lacks or that would cost too much there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import aiohttp
import httpx

from shared.adapters.http_client.errors import drop_traceback, translate


class RequestBody:
    """The request's body, and the write timeout that aiohttp lacks: it bounds each piece that waits
    to be written.
    """

    def __init__(self, request: httpx.Request, write_timeout_s: float | None) -> None:
        self._request = request
        self._write_timeout_s = write_timeout_s
        self._deadline: asyncio.Timeout | None = None

    def payload(self) -> AsyncIterator[bytes] | bytes | None:
        """None for a request without a body: aiohttp would announce an empty chunked one."""
        stream = self._request.stream
        if isinstance(stream, httpx.ByteStream):
            # A short body: aiohttp writes it at once, or buffers it, so nothing can stall.
            (body,) = stream
            return body or None
        headers = self._request.headers
        empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        return None if empty else self._pieces()

    async def sent_by(self, response: Awaitable[aiohttp.ClientResponse]) -> aiohttp.ClientResponse:
        """The response, once its headers are there. Raises httpx.WriteTimeout."""
        try:
            async with asyncio.timeout(None) as self._deadline:
                return await response
        except TimeoutError as error:
            if self._deadline is not None and self._deadline.expired():
                raise httpx.WriteTimeout("the request body was not taken in time") from error
            raise
        finally:
            # a response may begin before the body has been sent: the writer goes on without it
            self._deadline = None

    async def _pieces(self) -> AsyncIterator[bytes]:
        stream = self._request.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the request has no asynchronous body")
        async for piece in stream:
            self._extend(self._write_timeout_s)
            yield piece
            # waiting for the next piece is the client's time, not the upstream's
            self._extend(None)

    def _extend(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.reschedule(
                None if seconds is None else asyncio.get_running_loop().time() + seconds
            )


class ResponseBody(httpx.AsyncByteStream):
    """The body's pieces as they arrive, neither split nor joined nor decoded."""

    def __init__(self, response: aiohttp.ClientResponse, read_timeout_s: float | None) -> None:
        self._response = response
        self._read_timeout_s = read_timeout_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        read, now = content.readany, asyncio.get_running_loop().time
        silence = _SilenceTimer(self._response, self._read_timeout_s)
        try:
            while True:
                silence.since = now()
                piece = await read()
                silence.since = None
                if not piece:
                    return
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # A reader with an exception returns no more bytes, not even those that arrived before
            # it. read_nowait() raises the exception as well.
            rest = content._read_nowait(-1)  # noqa: SLF001 - see aiohttp_internals
            if rest:
                yield rest
            raise translate(error, before_headers=False) from drop_traceback(error)
        finally:
            silence.stop()

    async def aclose(self) -> None:
        # Back to the pool after the last byte; otherwise the connection is closed, so that the
        # upstream stops.
        self._response.close()


class _SilenceTimer:
    """Ends a body for which the reader has waited too long. aiohttp would cancel a timer and start
    another one with every piece of every stream, which costs more than the relay's own work on it;
    this class starts one timer for each interval.
    """

    def __init__(self, response: aiohttp.ClientResponse, limit_s: float | None) -> None:
        self.since: float | None = None  # the loop's time; None: nobody waits, the client is slow
        self._content = response.content
        self._limit_s = limit_s or 0.0
        self._timer: asyncio.Handle | None = None
        protocol = response.connection.protocol if response.connection else None
        if limit_s and protocol is not None:  # otherwise all of the body is there already
            protocol.read_timeout = None
            protocol.start_timeout()  # which ends the one that waited for the headers
            self._timer = asyncio.get_running_loop().call_later(limit_s, self._check)

    def stop(self) -> None:
        """Stop the timer, because the reader has ended."""
        if self._timer is not None:
            self._timer.cancel()

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        silent_s = 0.0 if self.since is None else loop.time() - self.since
        if silent_s < self._limit_s:
            self._timer = loop.call_later(self._limit_s - silent_s, self._check)
        else:
            # if this worker was blocked, the bytes that came meanwhile are read within this turn of
            # the loop
            self._timer = loop.call_soon(self._give_up, self.since)

    def _give_up(self, since: float | None) -> None:
        if self.since == since:
            self._content.set_exception(
                aiohttp.SocketTimeoutError("Timeout on reading data from socket")
            )
        else:
            self._check()
