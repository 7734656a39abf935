"""Recording: what is kept of an exchange. The request capture, then response capture and envelope.

Each exchange is recorded by tasks of their own, so that neither a client that leaves nor a
cancelled response takes them along. A failing store is the one failure that is swallowed here, with
a log line and a counter: the client must not pay for it, and reconcile finds what is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from shared.core import api_error
from shared.core.event import attribution
from shared.core.records import capture, outcome
from shared.core.records.envelope import Envelope, Failure, bound_text, dump, to_fields
from shared.core.records.outcome import Outcome
from shared.core.wire.headers import kept_headers
from shared.errors import StorageError
from shared.relay.capture_writer import CaptureMemory, CaptureStore, CaptureWriter
from shared.relay.exchange_record import ExchangeRecord

_log = logging.getLogger("fnsse.recording")

# What a capture keeps of the headers; nothing in here is a credential.
_KEPT_REQUEST_HEADERS = frozenset(
    map(str.encode, (*attribution.CLIENT_HEADERS, *attribution.SESSION_HEADERS))
)
_KEPT_RESPONSE_HEADERS = frozenset(map(str.encode, attribution.RESPONSE_HEADERS))


class RecordingStore(CaptureStore, Protocol):
    """Where captures go, and what is left of an exchange without an answer."""

    async def put_if_absent(self, name: str, data: bytes) -> None:
        """Store a whole blob unless there is one of that name. Raises StorageError."""
        ...


class EnvelopeStore(Protocol):
    """Where envelopes go."""

    async def put(self, envelope: Envelope) -> None:
        """Raises StorageError."""
        ...


@dataclass(kw_only=True, slots=True)
class Counters:
    """What could not be stored since the worker started."""

    request_captures: int = 0
    response_captures: int = 0
    envelopes: int = 0
    # exchanges whose outcome could not be stored at all; the log holds their envelopes
    lost: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """The recording of a finished exchange, under way."""

    captured: asyncio.Future[bool]  # whether both captures are stored
    done: asyncio.Task[None]  # the envelope is stored or given up, too


class Recorder:
    """Stores captures and envelopes in the background; never raises into the relay."""

    def __init__(
        self,
        captures: RecordingStore,
        envelopes: EnvelopeStore,
        memory: CaptureMemory,
        copied_headers: frozenset[str] = frozenset(),
        waits_s: Sequence[float] = (5, 15, 60),  # less in all than RECONCILE_GRACE_S
    ) -> None:
        self._waits_s = waits_s  # between the tries to store how an exchange ended
        self.failed = Counters()
        self._captures = captures
        self._envelopes = envelopes
        self._memory = memory
        # request headers that the operator wants in events
        self._copied_headers = frozenset(map(str.encode, copied_headers))
        self._running: set[asyncio.Task[Any]] = set()
        self._requests: dict[str, asyncio.Task[bool]] = {}

    def writer(self, name: str) -> CaptureWriter:
        """The writer of one side of an exchange."""
        return CaptureWriter(self._captures, name, self._memory, self._start)

    def request_received(self, exchange: ExchangeRecord) -> asyncio.Task[bool]:
        """The request's body is whole: store its capture, while the upstream works. The task says
        whether it is stored.
        """
        storing = self._requests[exchange.exchange_id] = self._start(self._put_request(exchange))
        return storing

    def finish(
        self, exchange: ExchangeRecord, ending: outcome.RelayResult, *, closed: bool = False
    ) -> Recording:
        """Store response capture and envelope. `closed`: an answer whose captures cannot be stored
        will not get its end.
        """
        captured: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done = self._start(self._finish(exchange, ending, captured, closed=closed))
        # Should recording itself have a bug, nobody may wait for ever.
        done.add_done_callback(lambda _: _settle(captured))
        return Recording(captured=captured, done=done)

    def _start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)  # the event loop itself keeps only a weak reference
        task.add_done_callback(self._running.discard)
        return task

    async def _finish(
        self,
        exchange: ExchangeRecord,
        ending: outcome.RelayResult,
        captured: asyncio.Future[bool],
        *,
        closed: bool,
    ) -> None:
        envelope = exchange.envelope(ending)
        if await self._request_stored(exchange, ending):
            envelope = replace(envelope, request_capture=exchange.request.name)
        if exchange.upstream_status is not None:
            stored = replace(envelope, response_capture=exchange.response.name)
            if await self._put_response(exchange, stored):
                envelope = stored
            else:
                self.failed.response_captures += 1
        both = envelope.request_capture is not None and envelope.response_capture is not None
        if closed and ending is outcome.RelayResult.COMPLETE:
            if not both:
                envelope = _refused(envelope)
            elif exchange.left is not None:
                # while the captures were stored, which say nothing of it
                envelope = _without_end(exchange, envelope)
        captured.set_result(both)
        if await self._attempt(self._put_envelope(envelope), "envelope", exchange):
            return
        self.failed.envelopes += 1
        if envelope.response_capture is None:  # otherwise reconcile finds it there
            await self._save(envelope, exchange)

    async def _save(self, envelope: Envelope, exchange: ExchangeRecord) -> None:
        """Nothing that is stored says how the exchange ended: try for a while, in the queue and
        beside the captures, then leave it to the log, which is all there is.
        """
        for wait_s in (0, *self._waits_s):
            await asyncio.sleep(wait_s)
            if await self._attempt(self._put_outcome(envelope), "outcome", exchange):
                return
            if wait_s and await self._attempt(self._put_envelope(envelope), "envelope", exchange):
                return
        self.failed.lost += 1
        _log.error(
            "ExchangeRecord %s could not be recorded at all. Its envelope: %s",
            exchange.exchange_id,
            dump(envelope),
        )

    async def _request_stored(self, exchange: ExchangeRecord, ending: outcome.RelayResult) -> bool:
        storing = self._requests.pop(exchange.exchange_id, None)
        if storing is not None:
            return await storing
        if ending is outcome.RelayResult.REJECTED:
            exchange.request.discard()
            return False
        return await self._put_request(exchange)  # the body never became whole: keep what came

    async def _put_request(self, exchange: ExchangeRecord) -> bool:
        preamble = capture.preamble(
            {
                "exchange_id": exchange.exchange_id,
                "started_at": exchange.started_at.isoformat(timespec="microseconds"),
                "method": exchange.method,
                "path": exchange.path.decode("latin-1")[:4096],
                "operation": exchange.operation.name,
                "deployment": bound_text(exchange.operation.deployment),
                "api_version": bound_text(exchange.api_version),
                "caller": asdict(exchange.caller()),
                "headers": kept_headers(exchange.request_headers, _KEPT_REQUEST_HEADERS),
                "copied_headers": kept_headers(exchange.request_headers, self._copied_headers),
            }
        )
        stored = await self._attempt(exchange.request.close(preamble), "request capture", exchange)
        self.failed.request_captures += not stored
        return stored

    async def _put_response(self, exchange: ExchangeRecord, envelope: Envelope) -> bool:
        preamble = capture.preamble(
            {
                "status_code": exchange.upstream_status,
                "headers": kept_headers(exchange.upstream_headers, _KEPT_RESPONSE_HEADERS),
                "envelope": to_fields(envelope),
            }
        )
        return await self._attempt(exchange.response.close(preamble), "response capture", exchange)

    async def _put_envelope(self, envelope: Envelope) -> bool:
        await self._envelopes.put(envelope)
        return True

    async def _put_outcome(self, envelope: Envelope) -> bool:
        name, data = (
            capture.response_name(envelope.exchange_id),
            capture.of_outcome(to_fields(envelope)),
        )
        await self._captures.put_if_absent(name, data)
        return True

    async def _attempt(
        self, storing: Coroutine[Any, Any, bool], what: str, exchange: ExchangeRecord
    ) -> bool:
        try:
            stored, why = (
                await storing,
                "the captures that wait for their store have reached CAPTURE_MEMORY_MB",
            )
        except StorageError as error:
            stored, why = False, str(error)
        if not stored:
            _log.error(
                "The %s of exchange %s could not be stored: %s", what, exchange.exchange_id, why
            )
        return stored


def _refused(envelope: Envelope) -> Envelope:
    """With CAPTURE_POLICY=required, the client is told this in place of the answer's end."""
    refusal = api_error.capture_unavailable()
    return replace(
        envelope,
        outcome=Outcome.REJECTED,
        failure=Failure(code=refusal.code, message=refusal.message),
    )


def _without_end(exchange: ExchangeRecord, envelope: Envelope) -> Envelope:
    """With CAPTURE_POLICY=required, the client left before it was sent the answer's end."""
    left = exchange.envelope(outcome.RelayResult.CLIENT_DISCONNECTED)
    return replace(
        left, request_capture=envelope.request_capture, response_capture=envelope.response_capture
    )


def _settle(captured: asyncio.Future[bool]) -> None:
    if not captured.done():
        captured.set_result(False)
