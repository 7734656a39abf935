"""Records an exchange: stores the request capture, then the response capture and the envelope.

Each exchange is recorded by tasks of its own, which neither a client that disconnects nor a
cancelled response cancels. A failing store is the one failure that is swallowed here, with a log
line and a counter: the client must not pay for it, and reconcile finds what is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from shared.core.event import attribution
from shared.core.exchange.actions import Actions
from shared.core.exchange.machine import Conclusion, ExchangeMachine
from shared.core.records import capture
from shared.core.records.envelope import Envelope, bound_text, dump, to_fields
from shared.core.records.outcome import RelayResult
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
    """Where captures go, and the outcome of an exchange of which nothing else is stored."""

    async def put_if_absent(self, name: str, data: bytes) -> None:
        """Store a whole blob unless there is one of that name. Raises StorageError."""
        ...


class EnvelopeStore(Protocol):
    """Where envelopes go."""

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope. Raises StorageError."""
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
    """The recording of an exchange that has ended, in progress."""

    # done once it is known whether both captures are stored: the actions for the client
    captured: asyncio.Future[Actions]
    done: asyncio.Task[None]  # the envelope is stored, or given up


class Recorder:
    """Stores captures and envelopes in the background; never raises into the relay."""

    def __init__(
        self,
        captures: RecordingStore,
        envelopes: EnvelopeStore,
        memory: CaptureMemory,
        copied_headers: frozenset[str] = frozenset(),
        retry_waits_s: Sequence[float] = (5, 15, 60),  # less in all than RECONCILE_GRACE_S
    ) -> None:
        self.failed = Counters()
        self._retry_waits_s = retry_waits_s  # before each new attempt to store an outcome
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

    def request_received(self, record: ExchangeRecord) -> asyncio.Task[bool]:
        """Store the capture of a request whose body is whole, while the upstream works. The task
        returns whether it is stored.
        """
        storing = self._requests[record.exchange_id] = self._start(self._put_request(record))
        return storing

    def finish(self, record: ExchangeRecord, machine: ExchangeMachine) -> Recording:
        """Store response capture and envelope of an exchange that has ended."""
        captured: asyncio.Future[Actions] = asyncio.get_running_loop().create_future()
        done = self._start(self._finish(record, machine, captured))
        # If recording itself has a bug, the client must not wait for ever.
        done.add_done_callback(lambda _: _settle(captured, machine))
        return Recording(captured=captured, done=done)

    def _start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)  # the event loop itself keeps only a weak reference
        task.add_done_callback(self._running.discard)
        return task

    async def _finish(
        self, record: ExchangeRecord, machine: ExchangeMachine, captured: asyncio.Future[Actions]
    ) -> None:
        conclusion = machine.require_conclusion()
        envelope = await self._put_captures(record, conclusion)
        names = (envelope.request_capture, envelope.response_capture)
        captured.set_result(
            machine.captures_failed() if None in names else machine.captures_stored()
        )
        if (
            machine.require_conclusion() is not conclusion
        ):  # the client did not get the end of its answer
            envelope = _with_captures(record.envelope(machine.require_conclusion()), *names)
        if await self._attempt(self._put_envelope(envelope), "envelope", record):
            return
        self.failed.envelopes += 1
        if envelope.response_capture is None:  # otherwise reconcile finds it there
            await self._save(envelope, record)

    async def _put_captures(self, record: ExchangeRecord, conclusion: Conclusion) -> Envelope:
        """The envelope, with the names of the captures that are stored."""
        envelope = record.envelope(conclusion)
        if await self._request_stored(record, conclusion):
            envelope = _with_captures(envelope, record.request.name, None)
        if record.upstream_status is None:
            return envelope
        stored = _with_captures(envelope, envelope.request_capture, record.response.name)
        if await self._put_response(record, stored):
            return stored
        self.failed.response_captures += 1
        return envelope

    async def _save(self, envelope: Envelope, record: ExchangeRecord) -> None:
        """Store how the exchange ended, where nothing stored holds it yet. Tries for a while to put
        it beside the captures or on the queue; the last resort is the log.
        """
        for wait_s in (0, *self._retry_waits_s):
            await asyncio.sleep(wait_s)
            if await self._attempt(self._put_outcome(envelope), "outcome", record):
                return
            if wait_s and await self._attempt(self._put_envelope(envelope), "envelope", record):
                return
        self.failed.lost += 1
        _log.error(
            "Exchange %s could not be recorded at all. Its envelope: %s",
            record.exchange_id,
            dump(envelope),
        )

    async def _request_stored(self, record: ExchangeRecord, conclusion: Conclusion) -> bool:
        storing = self._requests.pop(record.exchange_id, None)
        if storing is not None:
            return await storing
        if conclusion.result is RelayResult.REJECTED:
            record.request.discard()
            return False
        return await self._put_request(record)  # the body never became whole: keep what arrived

    async def _put_request(self, record: ExchangeRecord) -> bool:
        preamble = capture.preamble(
            {
                "exchange_id": record.exchange_id,
                "started_at": record.started_at.isoformat(timespec="microseconds"),
                "method": record.method,
                "path": record.path.decode("latin-1")[:4096],
                "operation": record.operation.name,
                "deployment": bound_text(record.operation.deployment),
                "api_version": bound_text(record.api_version),
                "caller": asdict(record.caller()),
                "headers": kept_headers(record.request_headers, _KEPT_REQUEST_HEADERS),
                "copied_headers": kept_headers(record.request_headers, self._copied_headers),
            }
        )
        stored = await self._attempt(record.request.close(preamble), "request capture", record)
        self.failed.request_captures += not stored
        return stored

    async def _put_response(self, record: ExchangeRecord, envelope: Envelope) -> bool:
        preamble = capture.preamble(
            {
                "status_code": record.upstream_status,
                "headers": kept_headers(record.upstream_headers, _KEPT_RESPONSE_HEADERS),
                "envelope": to_fields(envelope),
            }
        )
        return await self._attempt(record.response.close(preamble), "response capture", record)

    async def _put_envelope(self, envelope: Envelope) -> bool:
        await self._envelopes.put(envelope)
        return True

    async def _put_outcome(self, envelope: Envelope) -> bool:
        name = capture.response_name(envelope.exchange_id)
        await self._captures.put_if_absent(name, capture.of_outcome(to_fields(envelope)))
        return True

    async def _attempt(
        self, storing: Coroutine[Any, Any, bool], what: str, record: ExchangeRecord
    ) -> bool:
        """Whether `storing` stored its part. A failure is logged with its reason."""
        reason = "the captures that wait for their store have reached CAPTURE_MEMORY_MB"
        try:
            stored = await storing
        except StorageError as error:
            stored, reason = False, str(error)
        if not stored:
            _log.error(
                "The %s of exchange %s could not be stored: %s", what, record.exchange_id, reason
            )
        return stored


def _with_captures(envelope: Envelope, request: str | None, response: str | None) -> Envelope:
    return replace(envelope, request_capture=request, response_capture=response)


def _settle(captured: asyncio.Future[Actions], machine: ExchangeMachine) -> None:
    if not captured.done():
        captured.set_result(machine.captures_failed())
