"""Reads the client's request body and decides how it is forwarded.

What may ask for a stream is held whole and examined; anything else passes as it arrives. Either way
it goes into its capture.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import Receive

from shared.concurrency.cooperative import run_cooperatively
from shared.core.wire.http.content_coding import MAX_SMALL_BYTES, decode_small
from shared.core.wire.http.headers import header, is_readable
from shared.core.wire.request import stream_request, usage_request
from shared.errors import RequestNotCaptured
from shared.relay.body_memory import BodyLease
from shared.relay.capture_recorder import CaptureRecorder
from shared.relay.capture_writer import BLOCK_BYTES
from shared.relay.client_watch import ClientWatch
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.request_body import HeldBody, IncomingBody, RequestContent, announced_bytes
from shared.settings.settings import InterventionSettings, LimitSettings

# A placeholder and the capture of a body of this size take about as long to store (measured).
_PLACEHOLDER_BYTES: Final = 256 * 1024


class RequestIntake:
    """Reads the client's request body and decides how it is forwarded."""

    def __init__(
        self,
        observation: ExchangeObservation,
        captures: CaptureRecorder,
        limits: LimitSettings,
        interventions: InterventionSettings,
        lease: BodyLease,
    ) -> None:
        """`lease`: the memory of the body while it is held."""
        self._observation = observation
        self._captures = captures
        self._limits = limits
        self._interventions = interventions
        self._lease = lease

    async def read(self, receive: Receive, watch: ClientWatch) -> RequestContent:
        """Returns what can go upstream. Raises ClientDisconnected, BodyTooLarge, RequestMemoryFull
        or RequestNotCaptured.

        `watch` listens to the client once the body is whole. Within a body that is passed on, the
        client's disconnect is reported to it.
        """
        capture_required = self._limits.capture_required
        passes = self._has_body() and not self._is_examined() and not capture_required
        size_bytes = announced_bytes(self._observation.start.headers)
        arrival = _Arrival(
            self._observation,
            self._captures,
            watch,
            announced_bytes=size_bytes,
            placeholder_bytes=self._placeholder_bytes(passes=passes),
        )
        body = IncomingBody(receive, size_bytes, self._limits.request_body_bytes, arrival)
        if passes:
            return RequestContent(body)
        content = await self._hold(body) if self._has_body() else RequestContent(HeldBody())
        storing = arrival.completed()
        # a client that disconnects now must not take its capture along
        if capture_required and not await asyncio.shield(storing):
            raise RequestNotCaptured
        return content

    def release(self) -> None:
        """Give the memory of the body back: it is not held any more."""
        self._lease.release()

    def _placeholder_bytes(self, *, passes: bool) -> int:
        """The size from which on a body that is not whole yet has a placeholder."""
        if self._limits.capture_required:  # nothing goes upstream before the capture is stored
            return BLOCK_BYTES
        # The upstream may act on the first piece of a body that passes.
        return 1 if passes else _PLACEHOLDER_BYTES

    async def _hold(self, incoming: IncomingBody) -> RequestContent:
        observation = self._observation
        body = await incoming.read(self._lease)
        if not self._is_examined():
            return RequestContent(HeldBody(body))
        operation, text = observation.start.operation, await self._text_of(body)
        # an addition to a coded body would change every byte of it
        may_ask = (
            self._interventions.ask_for_usage
            and text is body
            and usage_request.accepts(
                operation.spec, observation.start.api_version, v1=operation.v1
            )
        )
        examination = await run_cooperatively(
            usage_request.examine(text, operation.spec, may_ask=may_ask)
        )
        observation.request_examined(examination)
        parts = examination.with_usage_request
        return RequestContent(HeldBody(body), HeldBody(*parts) if parts else None)

    async def _text_of(self, body: bytearray) -> bytearray | bytes:
        """The body without its content coding, if that is cheap to undo; otherwise as it is."""
        headers = self._observation.start.headers
        if is_readable(headers):
            return body
        coding = header(headers, b"content-encoding")
        return await run_cooperatively(decode_small(body, coding, MAX_SMALL_BYTES)) or body

    def _is_examined(self) -> bool:
        start = self._observation.start
        content_type = header(start.headers, b"content-type")
        return stream_request.is_examined(start.operation.spec, start.method, content_type)

    def _has_body(self) -> bool:
        headers = self._observation.start.headers
        return header(headers, b"content-length") not in {"", "0"} or bool(
            header(headers, b"transfer-encoding")
        )


class _Arrival:
    """Takes note of a request's body as it arrives, as a BodyListener: puts it into its capture,
    which is stored once the body is whole.

    A placeholder is stored, once, if the capture will not be stored soon: the body is long, or not
    whole yet. It is stored before the first block is uploaded, because no listing shows blocks
    alone.
    """

    def __init__(
        self,
        observation: ExchangeObservation,
        captures: CaptureRecorder,
        watch: ClientWatch,
        *,
        announced_bytes: int | None,
        placeholder_bytes: int,
    ) -> None:
        """`placeholder_bytes`: the size from which on a body that is not whole yet has a
        placeholder.
        """
        self._observation = observation
        self._captures = captures
        self._watch = watch
        self._announced_bytes = announced_bytes
        self._placeholder_bytes = placeholder_bytes
        self._may_be_late = True

    def piece_arrived(self, piece: bytes) -> None:
        writer = self._observation.request.body
        writer.write(piece)
        if self._may_be_late and self._is_late(writer.size):
            self._may_be_late = False
            self._captures.put_placeholder(self._observation)

    def body_passed_on(self) -> None:
        self.completed()

    def client_disconnected(self) -> None:
        self._watch.client_disconnected()

    def completed(self) -> asyncio.Task[bool]:
        """The body is whole, and nobody listens to the client any more. The task stores the
        capture, and returns whether it is stored.
        """
        self._watch.listen()
        return self._captures.request_received(self._observation)

    def _is_late(self, size: int) -> bool:
        """Whether the capture of a body that has come so far will not be stored soon."""
        return size >= self._placeholder_bytes and (
            size >= BLOCK_BYTES or size != self._announced_bytes
        )
