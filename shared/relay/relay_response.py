"""The response that moves an exchange's bytes between client and upstream, unchanged.

The exchange's state machine (shared.core.exchange) decides what happens. This module feeds it the
input of client, upstream and clock, and carries out its actions. Between reading a chunk and
writing it nothing is parsed, stored or sent. An `ExchangeRecord` takes note of it on the side, and
is stored after the last byte. Only the end of a chunked response, which holds no byte of the body,
waits for that, because the Functions host kills its worker without a signal once the last open
response has ended.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.concurrency.cooperative import run_cooperatively
from shared.core.exchange.actions import (
    Abort,
    Actions,
    CancelUpstream,
    Drain,
    Interruption,
    StartKeepAlive,
)
from shared.core.exchange.early_response import EarlyResponse, early_response
from shared.core.exchange.machine import ExchangeMachine
from shared.core.exchange.state import State
from shared.core.wire.http import upstream_target
from shared.core.wire.http.headers import RawHeaders, has_no_body
from shared.core.wire.request.routing import Operation
from shared.core.wire.stream.usage_chunk import SLICE_BYTES
from shared.errors import (
    BodyTooLarge,
    ClientDisconnected,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamError,
    UpstreamTimeout,
)
from shared.relay.client_response import ClientResponse
from shared.relay.recorder import Recording
from shared.relay.relay import Relay
from shared.relay.request_body import PassingBody, RequestContent
from shared.relay.request_intake import RequestIntake
from shared.relay.upstream_call import UpstreamCall

# Beyond EXCHANGE_TIMEOUT_S, for reporting it to the client, and again for the response's end: the
# client may have stopped reading.
_LAST_WORDS_S: Final = 2.0


class RelayResponse(Response):
    """An ASGI response that reads the request's body, calls the upstream, and sends its response as
    it arrives.
    """

    def __init__(self, relay: Relay, scope: Scope, operation: Operation) -> None:
        """The exchange starts now; the body of its request has not been read yet."""
        super().__init__()
        query = upstream_target.upstream_query(
            scope["query_string"], None if operation.v1 else relay.default_api_version
        )
        record = relay.exchange_record(scope, operation, query)
        target = record.start.path + (b"?" + query if query else b"")
        self._relay = relay
        self.record = record
        self._machine = ExchangeMachine(record.exchange_id, relay.rules)
        self._lease = relay.body_memory.lease()
        self._intake = RequestIntake(
            record, relay.recorder, relay.limits, relay.interventions, self._lease
        )
        self._call = UpstreamCall(relay.upstream, relay.stream_options, record, target)
        self._started = relay.clock()
        self._tasks: list[asyncio.Task[None]] = []  # beside the exchange, ended with it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole exchange, recorded whatever happens."""
        limits, machine = self._relay.limits, self._machine
        record, clock, started = self.record, self._relay.clock, self._started
        self._client = ClientResponse(
            send,
            record.exchange_id,
            record.error_frame,
            # It does not refer to this response, which would then wait for the garbage collector.
            on_keep_alive=lambda: record.keep_alive_sent((clock() - started) * 1000),
        )
        over_at = anyio.current_time() + limits.exchange_s + 2 * _LAST_WORDS_S
        try:
            await self._run(receive)
        except Exception:
            await self._carry_out(machine.internal_error())
            raise  # for the host to log
        finally:
            self._lease.release()
            if machine.conclusion is None:
                machine.cancelled()
            self.record.ended(self._now_ms(), answered_status=machine.answered_status)
            recording = self._relay.recorder.finish(self.record, machine)
            if machine.waits_for_recording:
                # Shielded: a cancelled task may not await anything otherwise.
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({recording.done}, timeout=limits.recording_wait_s)
        with anyio.CancelScope(deadline=over_at):
            if machine.state is State.HOLDING:
                await self._carry_out(await self._wait_for_captures(receive, recording))
            else:
                await self._carry_out(machine.finish(error_sent=self._client.error_sent))

    async def _run(self, receive: Receive) -> None:
        """Everything up to the exchange's result."""
        limit_s = self._relay.limits.exchange_s
        with anyio.CancelScope(deadline=anyio.current_time() + limit_s) as self._scope:
            try:
                await self._relay_exchange(receive)
            finally:
                for task in self._tasks:
                    task.cancel()
                # their frames refer to this response: it would wait for the garbage collector
                self._tasks.clear()
        if self._machine.conclusion is None:
            error = UpstreamTimeout(
                f"The exchange took longer than {limit_s:g} s (EXCHANGE_TIMEOUT_S)."
            )
            with anyio.move_on_after(_LAST_WORDS_S):
                await self._carry_out(
                    self._machine.deadline_passed(error, finished=self.record.response.end.finished)
                )

    async def _relay_exchange(self, receive: Receive) -> None:
        try:
            content = await self._intake.read(
                receive,
                on_complete=lambda: self._watch_client(receive),
                on_disconnect=self._client_disconnected,
            )
            self._machine.request_ready()
            await self._call_upstream(content)
        except ClientDisconnected:
            self._machine.request_broken_off()
        except (BodyTooLarge, RequestMemoryFull, RequestNotCaptured) as error:
            await self._carry_out(self._machine.body_rejected(error))

    async def _call_upstream(self, content: RequestContent) -> None:
        machine, record, body = self._machine, self.record, content.body
        try:
            try:
                status, headers = await self._open(content)
                if content.drop():  # nothing sends it again, and the response may take minutes
                    self._lease.release()
                await self._carry_out(
                    machine.upstream_answered(
                        status,
                        headers,
                        is_stream=record.response.announced_stream,
                        usage_requested=record.request.usage_requested,
                        bodiless=has_no_body(record.start.method, status, headers),
                    )
                )
                await self._pass_on()
            finally:
                await self._call.aclose()
        except UpstreamError as error:
            if isinstance(body, PassingBody) and body.error is not None:
                raise body.error from None  # it was the client's side that failed
            await self._carry_out(
                machine.upstream_failed(error, finished=record.response.end.finished)
            )
        else:
            await self._carry_out(machine.upstream_ended(cut_short=record.response.end.cut_short))

    async def _open(self, content: RequestContent) -> tuple[int, RawHeaders]:
        """Status and headers of the response."""
        record = self.record
        promise = early_response(
            record.start.operation.spec, stream_requested=record.request.stream_requested
        )
        if promise is not None and self._relay.early_after_s[promise]:
            return await self._open_early(content, promise)
        return await self._begin_answer(content)

    async def _begin_answer(self, content: RequestContent) -> tuple[int, RawHeaders]:
        response = await self._call.open(content)
        at_ms = self._now_ms()
        status, headers = response.status_code, response.headers.raw
        is_stream = await self._call.is_event_stream(response)
        self.record.response.begin(at_ms, status, headers, is_stream=is_stream)
        return status, headers

    async def _open_early(
        self, content: RequestContent, promise: EarlyResponse
    ) -> tuple[int, RawHeaders]:
        opening = asyncio.create_task(self._begin_answer(content))
        try:
            await asyncio.wait({opening}, timeout=self._relay.early_after_s[promise])
            # a client that still sends its request may not read a response
            if not opening.done() and content.body.is_whole:
                await self._carry_out(self._machine.early_response_due(promise))
            return await opening
        finally:
            opening.cancel()
            del opening  # it holds its exception, and the exception's traceback this frame

    async def _pass_on(self) -> None:
        """Pass the response on. Every piece of every stream comes here, so it has to be cheap."""
        machine, send_body = self._machine, self._client.send_body
        received = self.record.response.received
        clock, started, looked_into = self._relay.clock, self._started, machine.takes_out_usage
        async for piece in self._call.pieces():
            arrived_ms = (clock() - started) * 1000
            if looked_into and len(piece) > SLICE_BYTES:
                # more than a piece: what came while the loop or the client was slow
                data = await run_cooperatively(machine.piece_steps(piece))
            else:
                data = machine.piece(piece)
            if data:
                await send_body(data)
            elif data is None:
                return
            received(piece, arrived_ms)

    async def _wait_for_captures(self, receive: Receive, recording: Recording) -> Actions:
        """What is to be done once the captures are stored, or the client has disconnected."""
        disconnect = asyncio.create_task(_until_disconnected(receive))
        either: set[asyncio.Future[Any]] = {recording.captured, disconnect}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # also if this task is cancelled: that is how the Functions host says that the client
            # has disconnected
            disconnect.cancel()
            if not recording.captured.done():
                self.record.client_disconnected(
                    self._now_ms(), unsent_bytes=self._machine.held_bytes
                )
                self._machine.cancelled()
        return recording.captured.result() if recording.captured.done() else ()

    async def _carry_out(self, actions: Actions) -> None:
        for action in actions:
            match action:
                case StartKeepAlive():
                    self._tasks.append(asyncio.create_task(self._bridge_silences()))
                case Drain() | CancelUpstream() | Abort():
                    self._interrupt(action)
                case _:
                    await self._client.carry_out(action)

    def _interrupt(self, action: Interruption) -> None:
        match action:
            case CancelUpstream():
                self._scope.cancel()
            case Drain():
                self.record.client_disconnected(self._now_ms())
                drain_until = anyio.current_time() + self._relay.limits.drain_s
                self._scope.deadline = min(self._scope.deadline, drain_until)
            case Abort():  # the server closes the connection of a response without an end
                pass

    async def _bridge_silences(self) -> None:
        """Ask for a comment whenever nothing came for the interval. It reads the last piece's time
        from the record, so it costs a piece nothing.
        """
        interval_ms = self._relay.interventions.keep_alive_s * 1000
        commented_ms = self._now_ms()
        while True:
            silent_ms = self._now_ms() - max(
                self.record.response.to_last_chunk_ms or 0.0, commented_ms
            )
            if silent_ms < interval_ms:
                await asyncio.sleep((interval_ms - silent_ms) / 1000)
                continue
            await self._carry_out(self._machine.keep_alive_due())
            commented_ms = self._now_ms()

    def _watch_client(self, receive: Receive) -> None:
        """The request is whole: all that can still come from the client is its disconnect."""
        self._tasks.append(asyncio.create_task(self._report_disconnect(receive)))

    async def _report_disconnect(self, receive: Receive) -> None:
        await _until_disconnected(receive)
        self._client_disconnected()

    def _client_disconnected(self) -> None:
        received = self.record.response.body.size
        for action in self._machine.client_disconnected(received_bytes=received):
            self._interrupt(action)

    def _now_ms(self) -> float:
        return (self._relay.clock() - self._started) * 1000


async def _until_disconnected(receive: Receive) -> None:
    """Returns when the client has disconnected. Its request is whole."""
    while (await receive())["type"] != "http.disconnect":
        pass
