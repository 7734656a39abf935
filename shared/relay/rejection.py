"""The rejection of a request by its request line alone: an unknown route, a wrong method, a
WebSocket.

Below /openai/ that is an exchange like any other, with outcome `rejected`. It costs a caller with a
key no more than one small queue message: no body is read and nothing is captured. As nothing of it
is in storage, no later delivery can contradict its event; if the message is lost, so is the event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import anyio
from starlette.types import Receive, Scope, Send

from shared.core.api_errors import ApiError
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER
from shared.core.wire.request import routing
from shared.http.error_response import ErrorResponse
from shared.http.exchange_ids import fresh_exchange_id
from shared.relay.relay_context import RelayContext


class Rejection(ErrorResponse):
    """The error, with an exchange id, and its recording if it is an exchange."""

    def __init__(
        self,
        context: RelayContext,
        scope: Scope,
        error: ApiError,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._context = context
        operation = routing.rejected_operation(scope["raw_path"].decode("latin-1"))
        self._observation = (
            context.new_observation(scope, operation, scope["query_string"]) if operation else None
        )
        exchange_id = self._observation.exchange_id if self._observation else fresh_exchange_id()
        super().__init__(error, {**(headers or {}), EXCHANGE_ID_HEADER: exchange_id})
        self._machine = context.new_machine(exchange_id)
        self._machine.request_line_rejected(error)  # this response is the error document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the error, then record it. The connection stays open until then, which keeps a
        caller from piling up recordings.
        """
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._observation is not None:
                self._observation.exchange_ended(answered_status=self.status_code)
                recording = self._context.recorder.record(self._observation, self._machine)
                with anyio.CancelScope(shield=True):
                    await asyncio.wait(
                        {recording.done}, timeout=self._context.limits.recording_wait_s
                    )
