"""The relay: moves an exchange's bytes between client and upstream, unchanged.

Between reading a chunk and writing it nothing is parsed, stored or sent. What happened is noted on the side (`Exchange`) and
recorded after the last byte; only the end of a chunked response, which holds no byte of the answer, waits for the recording,
because the Functions host kills its worker without a signal once the last open response has ended.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import anyio
import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.core import api_error, forwarding
from shared.core.api_error import ApiError
from shared.core.envelope import Failure
from shared.core.exchange import new_exchange_id
from shared.core.forwarding import RawHeaders
from shared.core.operation import Operation
from shared.core.outcome import Ending
from shared.errors import UpstreamError, UpstreamInterrupted, UpstreamTimeout
from shared.recording import Exchange, Recorder, header
from shared.settings import LimitSettings

_JSON: Final = (b"content-type", b"application/json")


class UpstreamCalls(Protocol):
    """What the relay needs of the upstream; see shared.adapters.upstream.Upstream."""

    async def credential_headers(self) -> RawHeaders: ...
    async def open(self, method: str, target: bytes, headers: RawHeaders, body: bytes) -> httpx.Response: ...
    def pieces(self, response: httpx.Response) -> AsyncIterator[bytes]: ...


class ClientLeft(Exception):
    """The client closed its connection before its request was whole."""


class Rejected(Exception):
    """The proxy itself says no."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.message)
        self.error = error


class Relay:
    """Makes the response that relays an exchange. One per worker."""

    def __init__(
        self,
        upstream: UpstreamCalls,
        recorder: Recorder,
        limits: LimitSettings,
        default_api_version: str | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.upstream = upstream
        self.recorder = recorder
        self.limits = limits
        self.default_api_version = default_api_version
        self.clock = clock

    def response(self, scope: Scope, operation: Operation) -> RelayResponse:
        """The answer to a request whose body has not been read yet; the exchange starts now."""
        query = forwarding.upstream_query(scope["query_string"], None if operation.v1 else self.default_api_version)
        path = forwarding.upstream_path(scope["raw_path"])
        exchange = Exchange(
            exchange_id=new_exchange_id(time.time_ns() // 1_000_000, os.urandom(10)),
            started_at=datetime.now(UTC),
            method=scope["method"],
            path=path,
            query_api_version=forwarding.query_value(query, b"api-version"),
            operation=operation,
            request_headers=scope["headers"],
        )
        return RelayResponse(self, exchange, path + (b"?" + query if query else b""))


class RelayResponse(Response):
    """An ASGI response that reads the request's body, calls the upstream, and sends its answer as it arrives."""

    def __init__(self, relay: Relay, exchange: Exchange, target: bytes) -> None:
        super().__init__()
        self._relay = relay
        self._exchange = exchange
        self._target = target
        self._started = relay.clock()
        self._answering = False  # the status line has been sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole exchange, recorded whatever happens."""
        ending = Ending.CLIENT_LEFT  # what it is if this task is cancelled from outside
        try:
            ending = await self._run(receive, send)
        finally:
            self._exchange.to_end_ms = self._now_ms()
            recording = self._relay.recorder.finish(self._exchange, ending)
            if self._waits_for_recording(ending):
                # Shielded: a cancelled task may not await anything otherwise.
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({recording}, timeout=self._relay.limits.recording_wait_s)
        if ending is Ending.WHOLE:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _waits_for_recording(self, ending: Ending) -> bool:
        """Where a Content-Length tells the client that it has everything, there is no end to hold."""
        sized = bool(header(self._exchange.upstream_headers, b"content-length"))
        return ending is Ending.CLIENT_LEFT or (ending is Ending.WHOLE and not sized)

    async def _run(self, receive: Receive, send: Send) -> Ending:
        """Everything but the response's end. Ends early when the client leaves or the exchange takes too long."""
        exchange, limits = self._exchange, self._relay.limits
        with anyio.CancelScope(deadline=anyio.current_time() + limits.exchange_s) as scope:
            try:
                exchange.request_body = await self._read_body(receive)
            except ClientLeft:
                return Ending.CLIENT_LEFT
            except Rejected as rejected:
                await self._answer_error(rejected.error, send)
                return Ending.REJECTED
            self._relay.recorder.begin(exchange)
            watch = asyncio.create_task(_cancel_when_client_leaves(receive, scope))
            try:
                return await self._relay_answer(send)
            finally:
                watch.cancel()
        if anyio.current_time() < scope.deadline:
            return Ending.CLIENT_LEFT
        message = f"The exchange took longer than {limits.exchange_s:g} s (EXCHANGE_TIMEOUT_S)."
        await self._fail(UpstreamTimeout(message), send)
        return Ending.TIMEOUT

    async def _relay_answer(self, send: Send) -> Ending:
        try:
            response = await self._open()
            try:
                await self._start_answer(response, send)
                async for piece in self._relay.upstream.pieces(response):
                    arrived_ms = self._now_ms()
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    self._exchange.received(piece, arrived_ms)
            finally:
                await response.aclose()
        except UpstreamError as error:
            await self._fail(error, send)
            return _ending_of(error)
        return Ending.WHOLE

    async def _open(self) -> httpx.Response:
        exchange, upstream = self._exchange, self._relay.upstream
        headers = forwarding.request_headers(exchange.request_headers, await upstream.credential_headers())
        response = await upstream.open(exchange.method, self._target, headers, exchange.request_body)
        exchange.to_headers_ms = self._now_ms()
        exchange.upstream_status = exchange.status_code = response.status_code
        exchange.upstream_headers = response.headers.raw
        return response

    async def _start_answer(self, response: httpx.Response, send: Send) -> None:
        headers = forwarding.response_headers(response.headers.raw, self._exchange.exchange_id)
        self._answering = True
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})

    async def _fail(self, error: UpstreamError, send: Send) -> None:
        """Note the failure; answer it where no answer has begun. Otherwise the response ends without its terminator."""
        make = api_error.upstream_timeout if isinstance(error, UpstreamTimeout) else api_error.upstream_unreachable
        answer = make(str(error))
        self._exchange.failure = Failure(code=answer.code, message=answer.message)
        if not self._answering:
            await self._answer_error(answer, send)

    async def _answer_error(self, error: ApiError, send: Send) -> None:
        self._exchange.status_code = error.status
        self._exchange.failure = Failure(code=error.code, message=error.message)
        self._answering = True
        await _send_error(error, self._exchange.exchange_id, send)

    async def _read_body(self, receive: Receive) -> bytes:
        """The whole request body. Raises ClientLeft, or Rejected (413) as soon as it is known to be too large."""
        limit = self._relay.limits.request_body_bytes
        announced = header(self._exchange.request_headers, b"content-length")
        pieces: list[bytes] = []
        size = int(announced) if announced.isdecimal() else 0
        received, more = 0, True
        while more:
            if max(size, received) > limit:
                raise Rejected(api_error.body_too_large(limit))
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            pieces.append(message.get("body", b""))
            received += len(pieces[-1])
            more = message.get("more_body", False)
        if received > limit:
            raise Rejected(api_error.body_too_large(limit))
        return b"".join(pieces)

    def _now_ms(self) -> float:
        return (self._relay.clock() - self._started) * 1000


class ErrorResponse(Response):
    """An error of the proxy itself for a request that is no exchange: 404, 405."""

    def __init__(self, error: ApiError, headers: dict[str, str] | None = None) -> None:
        super().__init__(error.body(), error.status, headers, media_type="application/json")


def _ending_of(error: UpstreamError) -> Ending:
    if isinstance(error, UpstreamTimeout):
        return Ending.TIMEOUT
    return Ending.INTERRUPTED if isinstance(error, UpstreamInterrupted) else Ending.UNREACHABLE


async def _cancel_when_client_leaves(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _send_error(error: ApiError, exchange_id: str, send: Send) -> None:
    body = error.body()
    headers = [_JSON, (b"content-length", str(len(body)).encode()), (b"x-exchange-id", exchange_id.encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
