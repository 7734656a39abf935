"""The relay: moves an exchange's bytes between client and upstream, unchanged.

Between reading a chunk and writing it nothing is parsed, stored or sent. What happened is noted on
the side (`ExchangeRecord`) and recorded after the last byte; only the end of a chunked response,
which holds no byte of the answer, waits for the recording, because the Functions host kills its
worker without a signal once the last open response has ended.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import anyio
import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.core import api_error
from shared.core.records import capture
from shared.core.records.outcome import RelayResult
from shared.core.wire import forwarding
from shared.core.wire.routing import Operation
from shared.core.wire.usage_chunk import UsageChunkFilter
from shared.errors import (
    BodyTooLarge,
    ClientDisconnected,
    RequestNotCaptured,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamTimeout,
)
from shared.exchange_ids import fresh_exchange_id
from shared.relay import error_reporting
from shared.relay.client_response import ClientResponse
from shared.relay.exchange_record import ExchangeRecord
from shared.relay.recorder import Recorder, Recording
from shared.relay.request_body import Body, HeldBody, PassingBody
from shared.relay.request_intake import RequestIntake
from shared.relay.upstream_call import StreamOptionsSupport, UpstreamCall, UpstreamCalls
from shared.settings.settings import InterventionSettings, LimitSettings

# Beyond EXCHANGE_TIMEOUT_S, for telling the client, and again for the response's end: it may have
# stopped reading.
_LAST_WORDS_S: Final = 2.0


@dataclass(kw_only=True)
class Relay:
    """What every exchange of a worker shares."""

    upstream: UpstreamCalls
    recorder: Recorder
    limits: LimitSettings
    interventions: InterventionSettings
    default_api_version: str | None
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        self.refusals = StreamOptionsSupport(self.clock)

    def response(self, scope: Scope, operation: Operation) -> RelayResponse:
        """The answer to a request whose body has not been read yet; the exchange starts now."""
        query = forwarding.upstream_query(
            scope["query_string"], None if operation.v1 else self.default_api_version
        )
        exchange = self.exchange(scope, operation, query)
        return RelayResponse(self, exchange, exchange.path + (b"?" + query if query else b""))

    def exchange(self, scope: Scope, operation: Operation, query: bytes) -> ExchangeRecord:
        """An exchange that starts now."""
        exchange_id = fresh_exchange_id()
        return ExchangeRecord(
            exchange_id=exchange_id,
            started_at=datetime.now(UTC),
            method=scope["method"],
            path=forwarding.upstream_path(scope["raw_path"]),
            api_version=forwarding.query_value(query, b"api-version"),
            operation=operation,
            request_headers=scope["headers"],
            request=self.recorder.writer(capture.request_name(exchange_id)),
            response=self.recorder.writer(capture.response_name(exchange_id)),
            # A stored response can be read as a stream; elsewhere the body says it.
            streaming_asked=operation.spec.stream_in_query
            and forwarding.query_value(query, b"stream") == "true",
        )


class RelayResponse(Response):
    """An ASGI response that reads the request's body, calls the upstream, and sends its answer as
    it arrives.
    """

    def __init__(self, relay: Relay, exchange: ExchangeRecord, target: bytes) -> None:
        super().__init__()
        self._relay = relay
        self._exchange = exchange
        self._intake = RequestIntake(exchange, relay.recorder, relay.limits, relay.interventions)
        self._call = UpstreamCall(relay.upstream, relay.refusals, exchange, target)
        self._started = relay.clock()
        self._tasks: list[asyncio.Task[None]] = []  # beside the exchange, ended with it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole exchange, recorded whatever happens."""
        limits = self._relay.limits
        answer = ClientResponse(send, self._exchange.exchange_id, holds_end=limits.capture_required)
        over_at = anyio.current_time() + limits.exchange_s + 2 * _LAST_WORDS_S
        ending = (
            RelayResult.CLIENT_DISCONNECTED
        )  # what it is if this task is cancelled from outside
        try:
            ending = await self._run(receive, answer)
        except Exception:
            # a fault of the proxy: recorded as one, told, and raised for the host to log
            ending = RelayResult.FAILED
            await error_reporting.fault(self._exchange, answer)
            raise
        finally:
            if self._exchange.left is None:
                self._exchange.to_end_ms = self._now_ms()
            recording = self._relay.recorder.finish(
                self._exchange, ending, closed=limits.capture_required
            )
            if (
                answer.chunked or ending is RelayResult.CLIENT_DISCONNECTED
            ) and not limits.capture_required:
                # Shielded: a cancelled task may not await anything otherwise.
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({recording.done}, timeout=limits.recording_wait_s)
        with anyio.CancelScope(deadline=over_at):
            if ending is RelayResult.COMPLETE and limits.capture_required:
                ending = await self._hold_end(receive, recording, answer)
            await self._end(ending, answer)

    async def _hold_end(
        self, receive: Receive, recording: Recording, answer: ClientResponse
    ) -> RelayResult:
        """Waits for the answer's captures. Where they cannot be stored, or the client leaves first,
        it does not get the end.
        """
        leaving = asyncio.create_task(_client_leaves(receive))
        either: set[asyncio.Future[Any]] = {recording.captured, leaving}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # also where this task is cancelled: that is how the Functions host says that the client
            # has left
            leaving.cancel()
            if not recording.captured.done():
                self._exchange.client_left(self._now_ms(), unsent_bytes=answer.held_bytes)
        if self._exchange.left is not None:
            return RelayResult.CLIENT_DISCONNECTED
        if recording.captured.result():
            return RelayResult.COMPLETE
        if self._relay.interventions.error_frames:
            await answer.error_frame(api_error.capture_unavailable().body())
        return RelayResult.INTERRUPTED

    async def _end(self, ending: RelayResult, answer: ClientResponse) -> None:
        """The response's end, where it has come to one; the connection breaks off otherwise."""
        if ending is RelayResult.COMPLETE:
            await answer.release_end()
        if ending is RelayResult.COMPLETE or answer.told:
            await answer.end()

    async def _run(self, receive: Receive, answer: ClientResponse) -> RelayResult:
        """Everything but the response's end. Ends early when the client leaves or the exchange
        takes too long.
        """
        limit_s = self._relay.limits.exchange_s
        with anyio.CancelScope(deadline=anyio.current_time() + limit_s) as scope:
            try:
                return await self._exchange_bytes(receive, scope, answer)
            finally:
                for task in self._tasks:
                    task.cancel()
                # their frames refer to this response: it would wait for the garbage collector
                self._tasks.clear()
        if self._exchange.left is not None or anyio.current_time() < scope.deadline:
            return RelayResult.CLIENT_DISCONNECTED
        error = UpstreamTimeout(
            f"The exchange took longer than {limit_s:g} s (EXCHANGE_TIMEOUT_S)."
        )
        with anyio.move_on_after(_LAST_WORDS_S):
            return await self._fail(error, answer)
        return RelayResult.TIMEOUT

    async def _exchange_bytes(
        self, receive: Receive, scope: anyio.CancelScope, answer: ClientResponse
    ) -> RelayResult:
        watch = functools.partial(self._watch, receive, scope)
        left = functools.partial(self._client_left, scope)
        try:
            body, asking = await self._intake.take(receive, watch=watch, left=left)
            return await self._answer_with(body, asking, answer)
        except ClientDisconnected:
            return RelayResult.CLIENT_DISCONNECTED
        except BodyTooLarge:
            await error_reporting.refusal(
                api_error.body_too_large(self._relay.limits.request_body_bytes),
                self._exchange,
                answer,
            )
        except RequestNotCaptured:
            await error_reporting.refusal(api_error.capture_unavailable(), self._exchange, answer)
        return RelayResult.REJECTED

    async def _answer_with(
        self, body: Body, asking: HeldBody | None, answer: ClientResponse
    ) -> RelayResult:
        try:
            try:
                response = await self._open(body, asking, answer)
                await self._relay_answer(response, answer)
            finally:
                await self._call.aclose()
        except UpstreamError as error:
            if isinstance(body, PassingBody) and body.problem is not None:
                raise body.problem from None  # it was the client's side that failed
            ending = await self._fail(error, answer)
            return ending if self._exchange.left is None else RelayResult.CLIENT_DISCONNECTED
        return (
            RelayResult.COMPLETE if self._exchange.left is None else RelayResult.CLIENT_DISCONNECTED
        )

    async def _open(
        self, body: Body, asking: HeldBody | None, answer: ClientResponse
    ) -> httpx.Response:
        exchange, early_s = self._exchange, self._relay.interventions.early_response_after_s
        if exchange.streaming_asked and early_s:
            response = await self._open_early(body, asking, answer, early_s)
        else:
            response = await self._call.open(body, asking)
        exchange.to_headers_ms = self._now_ms()
        exchange.upstream_status = response.status_code
        exchange.upstream_headers = response.headers.raw
        return response

    async def _open_early(
        self, body: Body, asking: HeldBody | None, answer: ClientResponse, early_s: float
    ) -> httpx.Response:
        """Answers 200 where the upstream's headers have not come in time; what comes later follows
        in the stream.
        """
        opening = asyncio.create_task(self._call.open(body, asking))
        try:
            await asyncio.wait({opening}, timeout=early_s)
            if not opening.done():
                self._exchange.answered_status = 200
                await answer.begin_early()
                self._keep_alive(answer)
            return await opening
        finally:
            opening.cancel()
            del opening  # it holds its exception, and the exception's traceback this frame

    async def _relay_answer(self, response: httpx.Response, answer: ClientResponse) -> None:
        exchange, limits = self._exchange, self._relay.limits
        if answer.begun and not (
            exchange.stream and exchange.readable and response.status_code == 200
        ):
            async for piece in self._call.pieces():
                exchange.received(piece, self._now_ms())
            await error_reporting.late_error(response.status_code, exchange, answer)
            return
        if not answer.begun:
            await self._begin(response, answer)
        if exchange.usage_requested and exchange.stream and exchange.readable:
            answer.filter = UsageChunkFilter()
        async for piece in self._call.pieces():
            arrived_ms = self._now_ms()
            if exchange.left is None:
                await answer.piece(piece)
            elif exchange.response.size - exchange.sent_bytes >= limits.drain_bytes:
                return
            exchange.received(piece, arrived_ms)
        await answer.flush()
        if response.status_code == 200 and exchange.left is None and exchange.cut_short:
            raise UpstreamInterrupted("Azure OpenAI ended its answer before the answer was whole.")

    async def _begin(self, response: httpx.Response, answer: ClientResponse) -> None:
        exchange = self._exchange
        exchange.answered_status = response.status_code
        is_stream = bool(exchange.stream) and exchange.readable
        headers = forwarding.response_headers(
            response.headers.raw, exchange.exchange_id, unsized=is_stream
        )
        await answer.begin(response.status_code, headers, is_stream=is_stream)
        if answer.is_stream:
            self._keep_alive(answer)

    async def _fail(self, error: UpstreamError, answer: ClientResponse) -> RelayResult:
        return await error_reporting.failure(
            error, self._exchange, answer, frames=self._relay.interventions.error_frames
        )

    def _keep_alive(self, answer: ClientResponse) -> None:
        if self._relay.interventions.keep_alive_s:
            self._tasks.append(asyncio.create_task(self._comment_on_silence(answer)))

    async def _comment_on_silence(self, answer: ClientResponse) -> None:
        """A comment whenever nothing came for the interval. Reads what `received` notes, so it
        costs nothing per chunk.
        """
        interval_ms = self._relay.interventions.keep_alive_s * 1000
        commented_ms = self._now_ms()
        while True:
            silent_ms = self._now_ms() - max(self._exchange.to_last_chunk_ms or 0.0, commented_ms)
            if silent_ms < interval_ms:
                await asyncio.sleep((interval_ms - silent_ms) / 1000)
                continue
            await answer.comment()
            commented_ms = self._now_ms()

    def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        """The request is whole: the next that is heard of the client is that it has left."""
        self._tasks.append(asyncio.create_task(self._until_client_leaves(receive, scope)))

    async def _until_client_leaves(self, receive: Receive, scope: anyio.CancelScope) -> None:
        await _client_leaves(receive)
        self._client_left(scope)

    def _client_left(self, scope: anyio.CancelScope) -> None:
        """Ends the exchange: at once, or after draining a begun answer for its usage."""
        drain_s = self._relay.limits.drain_s
        if drain_s and self._exchange.response.size:
            self._exchange.client_left(self._now_ms())
            scope.deadline = min(scope.deadline, anyio.current_time() + drain_s)
        else:
            scope.cancel()

    def _now_ms(self) -> float:
        return (self._relay.clock() - self._started) * 1000


async def _client_leaves(receive: Receive) -> None:
    """Returns when the client has left. Its request is whole."""
    while (await receive())["type"] != "http.disconnect":
        pass
