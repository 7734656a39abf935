"""Recording: what is kept of an exchange. The request capture, then response capture and envelope.

Each exchange is recorded by tasks of their own, so that neither a client that leaves nor a cancelled response takes them along.
A failing store is the one failure that is swallowed here, with a log line and a counter: the client must not pay for it, and
reconcile finds what is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from azure.core.exceptions import AzureError

from shared.core import capture, outcome, tail
from shared.core.envelope import MAX_ARRIVALS, Caller, Envelope, Failure, Timings, bounded
from shared.core.forwarding import RawHeaders
from shared.core.operation import Operation

_log = logging.getLogger("fnsse.recording")

# What a capture keeps of the headers; nothing in here is a credential.
_KEPT_REQUEST_HEADERS = frozenset({"content-type", "user-agent", "x-ms-client-request-id", "x-stainless-retry-count"})
_KEPT_RESPONSE_HEADERS = frozenset(
    {
        "content-type",
        "content-encoding",
        "apim-request-id",
        "x-request-id",
        "x-ms-client-request-id",
        "x-ms-region",
        "x-ms-deployment-name",
        "azureml-model-session",
        "openai-processing-ms",
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
    }
)


class CaptureStore(Protocol):
    """Where captures go."""

    async def put(self, name: str, parts: Sequence[bytes]) -> None: ...


class EnvelopeStore(Protocol):
    """Where envelopes go."""

    async def put(self, envelope: Envelope) -> None: ...


@dataclass(kw_only=True, slots=True)
class Exchange:
    """What the relay notes of an exchange while it runs. Times are ms since the request's first byte."""

    exchange_id: str
    started_at: datetime
    method: str
    path: bytes
    query_api_version: str | None
    operation: Operation
    request_headers: RawHeaders
    request_body: bytes = b""
    status_code: int | None = None  # answered to the client
    upstream_status: int | None = None
    upstream_headers: RawHeaders = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    response_bytes: int = 0
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    to_headers_ms: float | None = None
    to_last_chunk_ms: float | None = None
    to_end_ms: float = 0.0
    failure: Failure | None = None

    def received(self, piece: bytes, at_ms: float) -> None:
        """Note a piece of the answer. Called for every chunk: it must stay cheap."""
        self.pieces.append(piece)
        self.response_bytes += len(piece)
        self.to_last_chunk_ms = at_ms
        if len(self.arrivals) < MAX_ARRIVALS:
            self.arrivals.append((self.response_bytes, at_ms))

    @property
    def stream(self) -> bool | None:
        """The answer is an SSE stream; None where there is no answer."""
        if self.upstream_status is None:
            return None
        return header(self.upstream_headers, b"content-type").startswith("text/event-stream")


class Recorder:
    """Stores captures and envelopes in the background; never raises into the relay."""

    def __init__(self, captures: CaptureStore, envelopes: EnvelopeStore) -> None:
        self._captures = captures
        self._envelopes = envelopes
        self._running: set[asyncio.Task[Any]] = set()
        self._requests: dict[str, asyncio.Task[bool]] = {}
        self.failures = 0  # captures or envelopes that could not be stored since the worker started

    def begin(self, exchange: Exchange) -> None:
        """Start to store the request capture: the upstream works meanwhile."""
        self._requests[exchange.exchange_id] = self._start(self._put_request(exchange))

    def finish(self, exchange: Exchange, ending: outcome.Ending) -> asyncio.Task[None]:
        """Start to store response capture and envelope; the task is done when both are stored or given up."""
        return self._start(self._finish(exchange, ending))

    def _start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)  # the event loop itself keeps only a weak reference
        task.add_done_callback(self._running.discard)
        return task

    async def _finish(self, exchange: Exchange, ending: outcome.Ending) -> None:
        storing = self._requests.pop(exchange.exchange_id, None)
        request_stored = storing is not None and await storing
        envelope = replace(envelope_of(exchange, ending), request_capture=_request_name(exchange) if request_stored else None)
        if exchange.upstream_status is not None:
            stored = replace(envelope, response_capture=capture.response_name(exchange.exchange_id))
            if await self._put_response(exchange, stored):
                envelope = stored
        await self._attempt(self._envelopes.put(envelope), "envelope", exchange)

    async def _put_request(self, exchange: Exchange) -> bool:
        preamble = capture.preamble(
            {
                "exchange_id": exchange.exchange_id,
                "started_at": exchange.started_at.isoformat(timespec="microseconds"),
                "method": exchange.method,
                "path": exchange.path.decode("latin-1"),
                "operation": exchange.operation.name,
                "deployment": bounded(exchange.operation.deployment),
                "api_version": bounded(exchange.query_api_version),
                "caller": asdict(_caller(exchange)),
                "headers": _kept(exchange.request_headers, _KEPT_REQUEST_HEADERS),
            }
        )
        put = self._captures.put(_request_name(exchange), (preamble, exchange.request_body))
        return await self._attempt(put, "request capture", exchange)

    async def _put_response(self, exchange: Exchange, envelope: Envelope) -> bool:
        preamble = capture.preamble(
            {
                "status_code": exchange.upstream_status,
                "headers": _kept(exchange.upstream_headers, _KEPT_RESPONSE_HEADERS),
                "envelope": asdict(envelope),
            }
        )
        put = self._captures.put(capture.response_name(exchange.exchange_id), (preamble, *exchange.pieces))
        return await self._attempt(put, "response capture", exchange)

    async def _attempt(self, storing: Coroutine[Any, Any, None], what: str, exchange: Exchange) -> bool:
        try:
            await storing
        except (AzureError, OSError, TimeoutError) as error:
            self.failures += 1
            _log.error("The %s of exchange %s could not be stored: %s", what, exchange.exchange_id, type(error).__name__)
            return False
        return True


def envelope_of(exchange: Exchange, ending: outcome.Ending) -> Envelope:
    """The envelope of a finished exchange, before its captures are named."""
    end = _tail(exchange, ending)
    stream = exchange.stream
    return Envelope(
        exchange_id=exchange.exchange_id,
        operation=exchange.operation.name,
        deployment=bounded(exchange.operation.deployment),
        api_version=bounded(exchange.query_api_version),
        stream=stream,
        started_at=exchange.started_at.isoformat(timespec="microseconds"),
        status_code=exchange.status_code,
        outcome=outcome.decide(ending, upstream_status=exchange.upstream_status, stream=bool(stream), finished=end.finished),
        failure=exchange.failure,
        timings=Timings(
            to_headers_ms=exchange.to_headers_ms,
            to_first_chunk_ms=exchange.arrivals[0][1] if exchange.arrivals else None,
            to_last_chunk_ms=exchange.to_last_chunk_ms,
            to_end_ms=exchange.to_end_ms,
        ),
        arrivals=tuple(exchange.arrivals),
        chunk_count=len(exchange.pieces),
        usage=end.usage,
        usage_source="upstream" if end.usage else "none",
        request_bytes=len(exchange.request_body),
        response_bytes=exchange.response_bytes,
        request_capture=None,
        response_capture=None,
        caller=_caller(exchange),
        trace_parent=bounded(header(exchange.request_headers, b"traceparent") or None),
    )


def header(headers: RawHeaders, name: bytes) -> str:
    """The first value of that (lower-case) name, or ""."""
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")


def _tail(exchange: Exchange, ending: outcome.Ending) -> tail.Tail:
    unreadable = header(exchange.upstream_headers, b"content-encoding") not in {"", "identity"}
    if not exchange.pieces or unreadable:  # nothing can be told from a compressed tail: a clean end counts as finished
        return tail.Tail(finished=unreadable and ending is outcome.Ending.WHOLE, usage=None)
    if not exchange.stream:
        whole = exchange.response_bytes <= tail.TAIL_BYTES
        return tail.of_json(b"".join(exchange.pieces)) if whole else tail.Tail(finished=True, usage=None)
    held, kept = 0, []
    for piece in reversed(exchange.pieces):
        kept.append(piece)
        held += len(piece)
        if held >= tail.TAIL_BYTES:
            break
    return tail.of_stream(b"".join(reversed(kept)), whole=held == exchange.response_bytes)


def _caller(exchange: Exchange) -> Caller:
    def said(name: bytes) -> str | None:
        return bounded(header(exchange.request_headers, name) or None)

    return Caller(
        subscription=said(b"x-apim-subscription-id"),
        product=said(b"x-apim-product-id"),
        user=said(b"x-apim-user-id"),
        request_id=said(b"x-apim-request-id"),
    )


def _kept(headers: RawHeaders, names: frozenset[str]) -> dict[str, str]:
    pairs = ((name.decode("latin-1").lower(), value.decode("latin-1")[:1024]) for name, value in headers)
    return {name: value for name, value in pairs if name in names}


def _request_name(exchange: Exchange) -> str:
    return capture.request_name(exchange.exchange_id)
