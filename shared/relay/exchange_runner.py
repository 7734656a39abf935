"""Carries out what the state machine of an exchange (shared.core.exchange) decides: feeds it the
input of client, upstream and clock, and performs its actions.

Between reading a chunk and writing it nothing is parsed, stored or sent. An `ExchangeObservation`
takes note of it on the side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import anyio
from starlette.types import Receive, Send

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
from shared.core.wire.http.headers import RawHeaders, has_no_body
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
from shared.relay.client_watch import ClientWatch
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.request_body import IncomingBody, RequestContent
from shared.relay.request_intake import RequestIntake
from shared.relay.upstream_call import UpstreamCall
from shared.settings.settings import LimitSettings
from shared.settings.timeouts import RelayTimeouts


class ExchangeRunner:
    """Moves the bytes of one exchange between client and upstream, unchanged."""

    def __init__(
        self,
        observation: ExchangeObservation,
        machine: ExchangeMachine,
        intake: RequestIntake,
        call: UpstreamCall,
        *,
        limits: LimitSettings,
        timeouts: RelayTimeouts,
        keep_alive_s: float,
        early_after_s: Mapping[EarlyResponse, float],
        receive: Receive,
        send: Send,
    ) -> None:
        """`early_after_s`: how long the upstream may take before the client is answered; 0: for
        ever.
        """
        self._observation = observation
        self._machine = machine
        self._intake = intake
        self._call = call
        self._limits = limits
        self._timeouts = timeouts
        self._keep_alive_s = keep_alive_s
        self._early_after_s = early_after_s
        self._receive = receive
        self._client = ClientResponse(
            send,
            observation.exchange_id,
            error_frame=observation.error_frame,
            on_keep_alive=observation.keep_alive_sent,
        )
        self._watch = ClientWatch(receive, self._client_disconnected)
        self._scope = anyio.CancelScope()  # of everything up to the exchange's conclusion

    async def run(self) -> None:
        """Relay the exchange up to its conclusion. There is none if this task is cancelled."""
        try:
            await self._run()
        finally:
            self._intake.release()

    async def carry_out(self, actions: Actions) -> None:
        """Perform the actions in their order."""
        for action in actions:
            match action:
                case StartKeepAlive():
                    self._start_keep_alive()
                case Drain() | CancelUpstream() | Abort():
                    self._interrupt(action)
                case _:
                    await self._client.carry_out(action)

    @property
    def error_sent(self) -> bool:
        """Whether an error is the last thing that the client got in the response's body."""
        return self._client.error_sent

    async def _run(self) -> None:
        limit_s = self._limits.exchange_s
        self._scope.deadline = anyio.current_time() + limit_s
        with self._scope:
            try:
                await self._relay_exchange()
            finally:
                self._watch.stop()
        if self._machine.conclusion is None:
            error = UpstreamTimeout(
                f"The exchange took longer than {limit_s:g} s (EXCHANGE_TIMEOUT_S)."
            )
            end_received = self._observation.response.completeness.end_received
            with anyio.move_on_after(self._timeouts.error_send_s):
                await self.carry_out(
                    self._machine.deadline_passed(error, end_received=end_received)
                )

    async def _relay_exchange(self) -> None:
        try:
            content = await self._intake.read(self._receive, self._watch)
            self._machine.request_ready()
            await self._call_upstream(content)
        except ClientDisconnected:
            self._machine.request_broken_off()
        except (BodyTooLarge, RequestMemoryFull, RequestNotCaptured) as error:
            await self.carry_out(self._machine.body_rejected(error))

    async def _call_upstream(self, content: RequestContent) -> None:
        machine, observation, body = self._machine, self._observation, content.body
        try:
            try:
                status, headers = await self._open(content)
                if content.drop():  # nothing sends it again, and the response may take minutes
                    self._intake.release()
                await self.carry_out(
                    machine.upstream_answered(
                        status,
                        headers,
                        is_stream=observation.response.announced_stream,
                        usage_requested=observation.request.usage_requested,
                        bodiless=has_no_body(observation.start.method, status, headers),
                    )
                )
                await self._pass_on()
            finally:
                await self._call.aclose()
        except UpstreamError as error:
            if isinstance(body, IncomingBody) and body.error is not None:
                raise body.error from None  # it was the client's side that failed
            await self.carry_out(
                machine.upstream_failed(
                    error, end_received=observation.response.completeness.end_received
                )
            )
        else:
            await self.carry_out(
                machine.upstream_ended(cut_short=observation.response.completeness.cut_short)
            )

    async def _open(self, content: RequestContent) -> tuple[int, RawHeaders]:
        """Status and headers of the response."""
        observation = self._observation
        promise = early_response(
            observation.start.operation.spec, stream_requested=observation.request.stream_requested
        )
        if promise is not None and self._early_after_s[promise]:
            return await self._open_early(content, promise)
        return await self._begin_response(content)

    async def _begin_response(self, content: RequestContent) -> tuple[int, RawHeaders]:
        response = await self._call.open(content)
        at_ms = self._observation.stopwatch.ms()
        status, headers = response.status, response.headers
        is_stream = await self._call.is_event_stream(response)
        self._observation.response.begin(at_ms, status, headers, is_stream=is_stream)
        return status, headers

    async def _open_early(
        self, content: RequestContent, promise: EarlyResponse
    ) -> tuple[int, RawHeaders]:
        opening = asyncio.create_task(self._begin_response(content))
        try:
            await asyncio.wait({opening}, timeout=self._early_after_s[promise])
            # a client that still sends its request may not read a response
            if not opening.done() and content.body.is_whole:
                await self.carry_out(self._machine.early_response_due(promise))
            return await opening
        finally:
            opening.cancel()
            if not opening.done():
                await _wait_for_end(opening, self._timeouts.cancellation_s)
            del opening  # it holds its exception, and the exception's traceback this frame

    async def _pass_on(self) -> None:
        """Pass the response on. Every piece of every stream comes here, so it has to be cheap."""
        machine, send_body = self._machine, self._client.send_body
        received = self._observation.response.received
        filters_usage = machine.drops_usage_chunk
        stopwatch = self._observation.stopwatch
        clock, started = stopwatch.clock, stopwatch.started
        async for piece in self._call.pieces():
            # `stopwatch.ms`, written out: a call more costs every piece of every stream
            arrived_ms = (clock() - started) * 1000
            if filters_usage and len(piece) > SLICE_BYTES:
                # more than a piece: what came while the loop or the client was slow
                data = await run_cooperatively(machine.piece_steps(piece))
            else:
                data = machine.piece(piece)
            if data:
                await send_body(data)
            elif data is None:
                return
            received(piece, arrived_ms)

    def _interrupt(self, action: Interruption) -> None:
        match action:
            case CancelUpstream():
                self._scope.cancel()
            case Drain():
                self._observation.client_disconnected()
                drain_until = anyio.current_time() + self._limits.drain_s
                self._scope.deadline = min(self._scope.deadline, drain_until)
            case Abort():  # the server closes the connection of a response without an end
                pass

    def _start_keep_alive(self) -> None:
        self._watch.bridge_silences(self._keep_alive_s * 1000, self._observation, self._keep_alive)

    async def _keep_alive(self) -> None:
        await self.carry_out(self._machine.keep_alive_due())

    def _client_disconnected(self) -> None:
        received = self._observation.response.body.size
        for action in self._machine.client_disconnected(received_bytes=received):
            self._interrupt(action)


async def _wait_for_end(call: asyncio.Task[tuple[int, RawHeaders]], timeout_s: float) -> None:
    """Wait until a call that was cancelled has ended, so that nothing of it goes on after its
    exchange. The wait goes on if this task is being cancelled, but not for long.
    """
    with anyio.move_on_after(timeout_s, shield=True):
        await asyncio.gather(call, return_exceptions=True)
