"""The intake: how a request's body gets from the client to the upstream call and into its capture.

What may ask for a stream is held whole and looked at; anything else passes as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Receive

from shared.concurrency.cooperative import run_cooperatively
from shared.core.wire import stream_request, usage_request
from shared.core.wire.headers import header
from shared.errors import RequestNotCaptured
from shared.relay.exchange_record import ExchangeRecord
from shared.relay.recorder import Recorder
from shared.relay.request_body import Body, HeldBody, IncomingBody, PassingBody
from shared.settings.settings import InterventionSettings, LimitSettings


class RequestIntake:
    """Reads the client's request body and decides how it is forwarded."""

    def __init__(
        self,
        exchange: ExchangeRecord,
        recorder: Recorder,
        limits: LimitSettings,
        interventions: InterventionSettings,
    ) -> None:
        self._exchange = exchange
        self._recorder = recorder
        self._limits = limits
        self._interventions = interventions

    async def take(
        self, receive: Receive, *, watch: Callable[[], None], left: Callable[[], None]
    ) -> tuple[Body, HeldBody | None]:
        """The body to send, and the one that asks for usage. Raises ClientDisconnected,
        BodyTooLarge or RequestNotCaptured.

        `watch` is called when the body is whole and nobody here listens to the client any more,
        `left` when the client leaves a body that is passed on.
        """
        exchange, closed = self._exchange, self._limits.capture_required
        announced = header(exchange.request_headers, b"content-length")
        incoming = IncomingBody(receive, announced, self._limits.request_body_bytes)

        def whole() -> asyncio.Task[bool]:
            watch()
            return self._recorder.request_received(exchange)

        if not self._is_examined() and self._has_body() and not closed:
            return PassingBody(incoming, note=exchange.request.write, whole=whole, left=left), None
        body, asking = await self._hold(incoming) if self._has_body() else (HeldBody(b""), None)
        storing = whole()
        # a client that leaves now must not take its record along
        if closed and not await asyncio.shield(storing):
            raise RequestNotCaptured
        return body, asking

    async def _hold(self, incoming: IncomingBody) -> tuple[HeldBody, HeldBody | None]:
        """The whole body, looked at: what goes upstream where usage is asked for comes second."""
        exchange = self._exchange
        body = await incoming.whole(exchange.request.write)
        if not self._is_examined():
            return HeldBody(body), None
        may_ask = self._interventions.ask_for_usage and usage_request.accepts(
            exchange.operation.spec, exchange.api_version, v1=exchange.operation.v1
        )
        examined = await run_cooperatively(
            usage_request.examine(body, exchange.operation.spec, may_ask=may_ask)
        )
        exchange.stream_requested = examined.stream
        exchange.requested_model = examined.model
        return HeldBody(body), HeldBody(*examined.asking) if examined.asking else None

    def _is_examined(self) -> bool:
        exchange = self._exchange
        content_type = header(exchange.request_headers, b"content-type")
        return stream_request.is_examined(exchange.operation.spec, exchange.method, content_type)

    def _has_body(self) -> bool:
        headers = self._exchange.request_headers
        return header(headers, b"content-length") not in {"", "0"} or bool(
            header(headers, b"transfer-encoding")
        )
