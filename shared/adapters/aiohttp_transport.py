"""An httpx transport on aiohttp's client: httpx is the interface, aiohttp the engine.

The ready-made bridge (httpx-aiohttp 0.2.0) rewrites queries, ignores the write timeout, calls a
dropped connection a ConnectTimeout, and keeps cookies from one caller to the next. This one sends
the target as it is (`extensions["target"]`, as httpcore reads it), honours all of httpx's timeouts,
raises httpx's own exceptions, keeps no cookie, follows no redirect and decodes nothing.
aiohttp's exceptions never leave this module, as httpcore's never leave httpx.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Final

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from shared.adapters import aiohttp_internals
from shared.adapters.connection_pool import ConnectionPool, KeptConnectionLost

# Of a response. aiohttp's own limit is 128, which counts trailers as well; gateways add many.
_MAX_HEADERS: Final = 4096
_AUTO_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")

# A server that closes its connections after each answer, without a word in it, does so within
# milliseconds.
_REST_S: Final = 0.05


class KeptConnectionError(httpx.RemoteProtocolError):
    """A connection that had served another request before was closed without an answer.

    `unread`: the server had received nothing of the request when it closed the connection.
    """

    def __init__(self, message: str, *, unread: bool) -> None:
        super().__init__(message)
        self.unread = unread


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection pool. It belongs to the event loop of its first request. No request is sent
    twice.

    `max_header_bytes` bounds each header line of a response. aiohttp's own limit is 8190 bytes, and
    policies in front of Azure OpenAI can write longer ones. Raises UnsupportedLibrary where aiohttp
    is not as it is used here.
    """

    def __init__(
        self, *, max_connections: int, max_header_bytes: int = 64 * 1024, rest_s: float = _REST_S
    ) -> None:
        """`rest_s`: how long a connection is not used after its last answer has ended."""
        aiohttp_internals.check()
        self._rest_s = rest_s
        self._max_connections = max_connections
        self._max_header_bytes = max_header_bytes
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send; returns when the headers are there. Raises httpx.TimeoutException and
        httpx.NetworkError subclasses.
        """
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        body = _RequestBody(request, timeouts.get("write"))
        try:
            response = await body.sent_by(self._send(request, timeouts, body))
        except _NotRepeated as once:
            raise _translate(once.error, before_headers=True) from _untraced(once.error)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _translate(error, before_headers=True) from _untraced(error)
        stream = ResponseBody(response, timeouts.get("read"))
        return httpx.Response(response.status, headers=list(response.raw_headers), stream=stream)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, request: httpx.Request, timeouts: Mapping[str, float | None], body: _RequestBody
    ) -> aiohttp.ClientResponse:
        connect = timeouts.get("connect")
        return await self._open_session().request(
            request.method,
            _url(request),
            headers=_headers(request),
            data=body.payload(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=connect, sock_connect=connect, sock_read=timeouts.get("read")
            ),
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=ConnectionPool(
                    rest_s=self._rest_s, limit=self._max_connections, limit_per_host=0
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_AUTO_HEADERS,
                auto_decompress=False,
                trust_env=False,
                max_line_size=self._max_header_bytes,
                max_field_size=self._max_header_bytes,
                middlewares=(_send_once,),
                max_headers=_MAX_HEADERS,
            )
        return self._session


class _NotRepeated(Exception):
    """Takes an error past aiohttp, which would send GET, PUT, DELETE and others again."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__()
        self.error = error


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _NotRepeated(error) from None


class _RequestBody:
    """The request's body, and the write timeout that aiohttp lacks: it bounds each piece that waits
    to be written.
    """

    def __init__(self, request: httpx.Request, write_timeout_s: float | None) -> None:
        self._request = request
        self._write_timeout_s = write_timeout_s
        self._deadline: asyncio.Timeout | None = None

    def payload(self) -> AsyncIterator[bytes] | bytes | None:
        """None for a request without a body: aiohttp would announce an empty chunked one."""
        try:
            # A short body: aiohttp writes it at once, or buffers it, so nothing can stall.
            return self._request.content or None
        except httpx.RequestNotRead:
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
            # A reader that has an exception gives nothing more, not even what had arrived before
            # it. read_nowait() raises the exception as well.
            arrived = content._read_nowait(-1)  # noqa: SLF001 - see aiohttp_internals
            if arrived:
                yield arrived
            raise _translate(error, before_headers=False) from _untraced(error)
        finally:
            silence.stop()

    async def aclose(self) -> None:
        # Back to the pool after the last byte; otherwise the connection is closed, which tells the
        # upstream to stop.
        self._response.close()


class _SilenceTimer:
    """Ends a body for which the reader has waited too long. aiohttp would cancel a timer and start
    another one with every chunk of every stream, which costs more than the relay's own work on it;
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
            # where it was this worker that stood still, what has come meanwhile is read within this
            # turn of the loop
            self._timer = loop.call_soon(self._give_up, self.since)

    def _give_up(self, since: float | None) -> None:
        if self.since == since:
            self._content.set_exception(
                aiohttp.SocketTimeoutError("Timeout on reading data from socket")
            )
        else:
            self._check()


def _headers(request: httpx.Request) -> CIMultiDict[str]:
    pairs = ((_text(name), _text(value)) for name, value in request.headers.raw)
    # aiohttp frames a body of unknown length by itself, and refuses to be told so.
    return CIMultiDict(
        (name, value) for name, value in pairs if name.lower() != "transfer-encoding"
    )


def _text(data: bytes) -> str:
    """aiohttp writes headers as UTF-8. Bytes that are not (only ASCII is portable, RFC 9110, 5.5)
    change on the way.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _url(request: httpx.Request) -> URL:
    target: bytes = request.extensions.get("target", request.url.raw_path)
    path, _, query = target.decode("latin-1").partition("?")
    url = request.url
    return URL.build(
        scheme=url.scheme, host=url.host, port=url.port, path=path, query_string=query, encoded=True
    )


def _untraced[E: BaseException](error: E) -> E:
    """Drop the traceback of an exception. aiohttp keeps the exception at the connection, and its
    frames hold the whole exchange, prompt included, until a garbage collection: an upstream that is
    down would fill the memory.
    """
    return error.with_traceback(None)


def _translate(error: BaseException, *, before_headers: bool) -> httpx.TransportError:
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
