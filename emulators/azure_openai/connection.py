"""One client's TCP connection: reads requests, writes responses exactly as directed, and records
both.

It uses asyncio's transport instead of a web framework, because the stand-in must control each
write, truncate a body, and reset the connection.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
import traceback
from collections import deque
from http import HTTPStatus
from typing import Final, Protocol, cast

import httptools

from emulators.azure_openai import recording as record
from emulators.azure_openai.app import DirectedResponse, StandInApp
from emulators.azure_openai.control import PREFIX
from emulators.azure_openai.delivery import BodyEnd, steps
from emulators.azure_openai.http_response import ResponseHeaders, StandInResponse
from emulators.azure_openai.recording import ExchangeRecording, RecordedExchange
from emulators.azure_openai.request import Request
from emulators.http_upgrade import without_upgrade

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST. socket(7)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_CONTENT: Final = 204  # forbids a content-length, RFC 9110, 8.6
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _HttpParser(Protocol):
    """The used part of httptools' parser, which has no types."""

    def feed_data(self, data: bytes) -> None: ...
    def get_method(self) -> bytes: ...
    def get_http_version(self) -> str: ...
    def should_keep_alive(self) -> bool: ...


class StandInConnection(asyncio.Protocol):
    """A client's connection. Requests are answered one after the other; pipelined ones wait.

    asyncio calls the methods from `connection_made` to `resume_writing`, httptools those that begin
    with `on_`.
    """

    def __init__(
        self, app: StandInApp, recording: ExchangeRecording, connections: set[StandInConnection]
    ) -> None:
        self._app = app
        self._recording = recording
        self._connections = connections
        self._parser = cast("_HttpParser", httptools.HttpRequestParser(self))
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._arriving: Request | None = None
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        # completed when the peer reads again; None while it reads fast enough
        self._resumed: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        for request in (self._arriving, *self._waiting):
            if request:
                self._recording.end(request.exchange, record.PEER_CLOSED)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data if self._arriving else without_upgrade(data))
        except httptools.HttpParserUpgrade:
            pass  # the request itself is complete and gets its response as HTTP
        except httptools.HttpParserError:
            self._transport.write(_BAD_REQUEST)
            self._transport.close()

    def pause_writing(self) -> None:
        self._resumed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._resumed and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        target, version = self._target.decode("latin-1"), self._parser.get_http_version()
        unrecorded = target.startswith(PREFIX)
        arrived = method, target, version, self._headers
        exchange = (
            RecordedExchange(
                id=0, method=method, target=target, http_version=version, headers=self._headers
            )
            if unrecorded
            else self._recording.begin(*arrived)
        )
        self._arriving = Request(
            method=method,
            target=target,
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive(),
            chunking=version == "1.1",
            exchange=exchange,
        )
        if self._arriving.header("expect").lower() == "100-continue":
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        request = self._arriving
        if request:
            request.exchange.record_request_piece(body)
            request.body += body

    def on_message_complete(self) -> None:
        request, self._arriving = self._arriving, None
        if request:
            request.exchange.request_complete_at = time.monotonic()
            self._waiting.append(request)
            if not self._task:
                self._task = asyncio.get_running_loop().create_task(self._respond_to_all())

    def close(self) -> None:
        """Close the connection when the process ends."""
        self._transport.abort()

    async def _respond_to_all(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            try:
                await self._respond(request)
            except asyncio.CancelledError:
                self._recording.end(request.exchange, record.PEER_CLOSED)
                raise
            except Exception:  # noqa: BLE001 - a bug in one shape must neither hang its client nor stop the process
                traceback.print_exc(file=sys.stderr)
                self._recording.end(request.exchange, record.FAILED)
                self._transport.abort()
            if not request.keep_alive:
                self._transport.close()
        self._task = None

    async def _respond(self, request: Request) -> None:
        reply = await self._app.reply(request)
        if reply.directives.headers_ms:
            await asyncio.sleep(reply.directives.headers_ms / 1000)
        if reply.directives.reset_before_headers:
            return self._reset(request)
        if reply.directives.silence:
            await self._forever()
        chunked, compressed = _framing(request, reply)
        if not request.chunking:
            request.keep_alive = False
        request.exchange.status = reply.response.status
        request.exchange.headers_written_at = time.monotonic()
        self._transport.write(_head(request, reply, chunked=chunked, compressed=compressed))
        if request.method == "HEAD":
            return self._recording.end(request.exchange, record.FINISHED)
        ending = await self._write_body(request, reply, chunked=chunked, compressed=compressed)
        return await self._finish(request, ending, chunked=chunked)

    async def _write_body(
        self, request: Request, reply: DirectedResponse, *, chunked: bool, compressed: bool
    ) -> BodyEnd:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for step in steps(reply.response.body, reply.directives, compressed=compressed):
            if isinstance(step, BodyEnd):
                return step
            due += step.wait_ms / 1000
            # a wait that is not positive only yields to other tasks
            await asyncio.sleep(due - loop.time())
            if self._resumed:
                await self._resumed
                due = loop.time()  # no burst to catch up with a slow reader
            request.exchange.wrote(step.data, time.monotonic())
            self._transport.write(
                b"%x\r\n%b\r\n" % (len(step.data), step.data) if chunked else step.data
            )
        return BodyEnd.FINISH

    async def _finish(self, request: Request, ending: BodyEnd, *, chunked: bool) -> None:
        if ending is BodyEnd.RESET:
            return self._reset(request)
        if ending is BodyEnd.SILENCE:
            await self._forever()
        if chunked and ending is not BodyEnd.CLOSE:
            self._transport.write(b"0\r\n\r\n")
        if ending is BodyEnd.FINISH or (chunked and ending is BodyEnd.END):
            return self._recording.end(request.exchange, record.FINISHED)
        self._recording.end(request.exchange, record.CLOSED_ON_PURPOSE)
        return self._transport.close()

    def _reset(self, request: Request) -> None:
        self._recording.end(request.exchange, record.RESET_ON_PURPOSE)
        connected = cast("socket.socket", self._transport.get_extra_info("socket"))
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    async def _forever(self) -> None:
        """Wait until the peer closes: connection_lost cancels the task."""
        await asyncio.get_running_loop().create_future()


def _framing(request: Request, reply: DirectedResponse) -> tuple[bool, bool]:
    """Whether the body is chunked, and whether it is compressed."""
    compressed = reply.directives.gzip and "gzip" in request.header("accept-encoding")
    whole = (
        isinstance(reply.response.body, bytes) and not reply.directives.chunked and not compressed
    )
    return request.chunking and not whole, compressed


def _head(request: Request, reply: DirectedResponse, *, chunked: bool, compressed: bool) -> bytes:
    response = reply.response
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    lines += [
        f"{name}: {value}"
        for name, value in _body_headers(response, chunked=chunked, compressed=compressed)
    ]
    lines += [f"{name}: {value}" for name, value in reply.headers + response.headers]
    if not request.keep_alive:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _body_headers(response: StandInResponse, *, chunked: bool, compressed: bool) -> ResponseHeaders:
    headers = [("content-type", response.content_type)]
    if compressed:
        headers.append(("content-encoding", "gzip"))
    if chunked:
        headers.append(("transfer-encoding", "chunked"))
    elif isinstance(response.body, bytes) and not compressed and response.status != _NO_CONTENT:
        headers.append(("content-length", str(len(response.body))))
    return tuple(headers)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
