"""HTTP/1.1 connections to one storage service, for as little CPU as asyncio allows.

It can do what the calls of every exchange need and nothing else: a body of bytes up, an answer that
is held whole; no redirects, cookies, compression or proxies. The parser is httptools', which the
worker's server runs on, too.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

import aiohappyeyeballs
import httptools

from shared.errors import StorageError

_CONNECT_S: Final = 3.0  # name, TCP and TLS together
_SILENCE_S: Final = 10.0
_IDLE_S: Final = 15.0  # then what lies between may have forgotten the connection without a word
_MOST: Final = 100
_PIECE_BYTES: Final = 256 * 1024  # TLS encrypts what it is given in one go
# Made before the worker serves: to read the authorities takes about 20 ms, for which a call would
# hold the event loop up.
_TLS: Final = ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a storage service said."""

    status: int
    error_code: str  # of x-ms-error-code, or empty
    body: bytes


class StorageConnections:
    """A pool of connections to one address. It belongs to the event loop of its first call."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("a storage service's address needs a host")
        self._host, self._host_header = parts.hostname, parts.netloc
        self._tls = _TLS if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._slots = asyncio.Semaphore(_MOST)
        self._idle: deque[_Connection] = deque()  # the one that was used last is at the right

    async def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """`target` and `headers` are sent as they are: nothing in them may end a line.

        Raises StorageError where there is no connection, or where it breaks or is silent for 10 s.
        """
        lines = [f"{method} {target} HTTP/1.1", f"host: {self._host_header}"]
        lines.extend(f"{name}: {value}" for name, value in headers.items())
        if body or method != "GET":
            lines.append(f"content-length: {len(body)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        async with self._slots:
            connection = self._from_idle() or await self._open()
            try:
                return await connection.answer_to(head, body)
            finally:
                self._take_back(connection)

    async def aclose(self) -> None:
        """Close what nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _from_idle(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle and (self._idle[0].closed or now - self._idle[0].idle_since > _IDLE_S):
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None

    def _take_back(self, connection: _Connection) -> None:
        if connection.closed:
            connection.close()
        else:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)

    async def _open(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                # asyncio's own way to try several addresses fails, in 3.13.0, where two of them
                # answer at once.
                addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                connected = await aiohappyeyeballs.start_connection(
                    addresses, happy_eyeballs_delay=0.25
                )
                name = self._host if self._tls else None
                _, connection = await loop.create_connection(
                    _Connection, sock=connected, ssl=self._tls, server_hostname=name
                )
        except OSError as error:  # TimeoutError and ssl.SSLError, too
            raise StorageError(f"storage could not be reached: {type(error).__name__}") from error
        return connection


class _Parser(Protocol):
    """What is used of httptools' parser, which has no types."""

    def feed_data(self, data: bytes) -> None: ...
    def get_status_code(self) -> int: ...
    def should_keep_alive(self) -> bool: ...


class _Connection(asyncio.Protocol):
    """One call after the other. `closed` once it is of no more use."""

    def __init__(self) -> None:
        self.closed = False
        self.idle_since = 0.0
        self._parser = cast("_Parser", httptools.HttpResponseParser(self))
        # its result is None where none came
        self._answered: asyncio.Future[Answer | None] | None = None
        self._why_none = ""
        # while the service does not read fast enough
        self._resumed: asyncio.Future[None] | None = None
        self._moved_at = 0.0
        self._error_code = ""
        self._pieces: list[bytes] = []

    async def answer_to(self, head: bytes, body: bytes) -> Answer:
        """Raises StorageError. Whoever is cancelled leaves a closed connection."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer | None] = loop.create_future()
        self._answered = answered
        self._moved_at = loop.time()
        self._timer = loop.call_later(_SILENCE_S, self._look)
        answer = None
        try:
            whole = await self._send(head, body)
            answer = await answered
        finally:
            self._timer.cancel()
            self._answered = None
            if answer is None or not whole:
                self.close()
        # raised here and not kept by the future: the two would hold each other, and the capture
        # with them
        if answer is None:
            raise StorageError(f"storage did not answer: {self._why_none}")
        return answer

    def close(self) -> None:
        """Close at once."""
        self.closed = True
        self._transport.abort()

    async def _send(self, head: bytes, body: bytes) -> bool:
        """False where an answer came first, or the connection's end."""
        if len(body) <= _PIECE_BYTES:
            self._transport.write(head + body)
            return True
        self._transport.write(head)
        for start in range(0, len(body), _PIECE_BYTES):
            # Closing: `connection_lost` is on its way, and each piece more would be a line in the
            # log.
            if self._answered is None or self._answered.done() or self._transport.is_closing():
                return False
            self._transport.write(body[start : start + _PIECE_BYTES])
            self._moved_at = asyncio.get_running_loop().time()
            if self._resumed is not None:
                await self._resumed
        return True

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        silent_s = loop.time() - self._moved_at
        if silent_s < _SILENCE_S:
            self._timer = loop.call_later(_SILENCE_S - silent_s, self._look)
        else:
            self._end(None, f"nothing came for {_SILENCE_S:.0f} s")

    def _end(self, answer: Answer | None, why_none: str = "") -> None:
        if self._answered is not None and not self._answered.done():
            self._why_none = why_none
            self._answered.set_result(answer)
        self.resume_writing()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._end(None, type(exc).__name__ if exc else "the connection was closed")
        # the two hold each other, and what came of a capture would wait for the garbage collector
        del self._parser

    def data_received(self, data: bytes) -> None:
        self._moved_at = asyncio.get_running_loop().time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(None, "what came is not HTTP")

    def pause_writing(self) -> None:
        self._resumed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._answered is None or self._answered.done():
            self.close()  # nobody has asked: it must not become the next call's answer
        self._error_code, self._pieces = "", []

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-ms-error-code":
            self._error_code = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        status, pieces = self._parser.get_status_code(), self._pieces
        self._pieces = []
        if status < 200:  # what counts is still to come
            return
        if not self._parser.should_keep_alive():
            self.closed = True
        self._end(
            Answer(status, self._error_code, pieces[0] if len(pieces) == 1 else b"".join(pieces))
        )
