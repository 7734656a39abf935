"""The response that relays an exchange, and records it.

The exchange is stored after its last byte. Only the end of a chunked response, which holds no byte
of the body, waits for that, because the Functions host kills its worker without a signal once the
last open response has ended.
"""

from __future__ import annotations

import asyncio

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.core.exchange.actions import Actions
from shared.core.exchange.state import State
from shared.core.wire.request.routing import Operation
from shared.relay.client_watch import wait_for_either
from shared.relay.recorder import Recording
from shared.relay.relay_context import RelayContext


class RelayResponse(Response):
    """An ASGI response that reads the request's body, calls the upstream, and sends its response as
    it arrives.
    """

    def __init__(self, context: RelayContext, scope: Scope, operation: Operation) -> None:
        """The exchange starts now; the body of its request has not been read yet."""
        super().__init__()
        query = context.upstream_query(scope, operation)
        self.observation = context.new_observation(scope, operation, query)
        self._target = self.observation.start.path + (b"?" + query if query else b"")
        self._context = context
        self._machine = context.new_machine(self.observation.exchange_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole exchange, recorded whatever happens."""
        limits, timeouts, machine = self._context.limits, self._context.timeouts, self._machine
        over_at = anyio.current_time() + limits.exchange_s + 2 * timeouts.error_send_s
        runner = self._context.new_runner(
            self.observation, machine, self._target, receive=receive, send=send
        )
        try:
            await runner.run()
        except Exception:
            await runner.carry_out(machine.internal_error())
            raise  # for the host to log
        finally:
            if machine.conclusion is None:
                machine.cancelled()
            self.observation.exchange_ended(answered_status=machine.answered_status)
            recording = self._context.recorder.record(self.observation, machine)
            if machine.waits_for_recording:
                # Shielded: a cancelled task may not await anything otherwise.
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({recording.done}, timeout=limits.recording_wait_s)
        with anyio.CancelScope(deadline=over_at):
            if machine.state is State.HOLDING:
                await runner.carry_out(await self._wait_for_captures(receive, recording))
            else:
                await runner.carry_out(machine.recording_over(error_sent=runner.error_sent))

    async def _wait_for_captures(self, receive: Receive, recording: Recording) -> Actions:
        """The actions once the captures are stored, or the client has disconnected."""
        actions = recording.last_actions
        try:
            await wait_for_either(actions, receive)
        finally:
            # also if this task is cancelled: that is how the Functions host says that the client
            # has disconnected
            if not actions.done():
                unsent_bytes = self._machine.held_bytes
                self.observation.client_disconnected(unsent_bytes=unsent_bytes)
                self._machine.cancelled()
        return actions.result() if actions.done() else ()
