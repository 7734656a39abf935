"""What the relay notes of an exchange while it runs, and the envelope that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.core.records import outcome
from shared.core.records.envelope import (
    MAX_ARRIVALS,
    Caller,
    Envelope,
    Failure,
    Timings,
    bound_text,
)
from shared.core.wire import tail
from shared.core.wire.headers import RawHeaders, header
from shared.core.wire.routing import Operation
from shared.core.wire.sse import EVENT_STREAM
from shared.relay.capture_writer import CaptureWriter


@dataclass(kw_only=True, slots=True)
class ExchangeRecord:
    """Times are ms since the request's first byte. The relay writes; the recorder reads when the
    exchange has ended.
    """

    exchange_id: str
    started_at: datetime
    method: str
    path: bytes
    api_version: str | None
    operation: Operation
    request_headers: RawHeaders
    request: CaptureWriter
    response: CaptureWriter
    streaming_asked: bool = False  # the request asks for a stream
    model_asked: str | None = None  # the request's model, where its body was looked at
    usage_requested: bool = False  # the proxy asked for usage on the caller's behalf
    answered_status: int | None = None  # what the client was answered
    upstream_status: int | None = None
    upstream_headers: RawHeaders = field(default_factory=list)
    chunk_count: int = 0
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    to_headers_ms: float | None = None
    to_last_chunk_ms: float | None = None
    to_end_ms: float = 0.0
    # the client has left, with this as the end of what it was sent; the rest was drained or held
    left: tail.Tail | None = None
    sent_bytes: int = 0  # set with `left`
    failure: Failure | None = None
    # what the first so many bytes of the answer end with
    looked_at: tuple[int, tail.Tail] | None = None

    def received(self, piece: bytes, at_ms: float) -> None:
        """Note a piece of the answer. Called for every chunk: it must stay cheap."""
        self.response.write(piece)
        if self.left is not None:
            return
        self.chunk_count += 1
        self.to_last_chunk_ms = at_ms
        if self.chunk_count <= MAX_ARRIVALS:
            self.arrivals.append((self.response.size, at_ms))

    def client_left(self, at_ms: float, *, unsent_bytes: int = 0) -> None:
        """For the client the exchange ends here; what is received from here on is drained, for its
        usage.

        `unsent_bytes` of what has been received were held back.
        """
        self.to_end_ms = at_ms
        self.sent_bytes = self.response.size - unsent_bytes
        self.left = self._look_at_tail(unsent_bytes) if unsent_bytes else self._tail()

    @property
    def finished(self) -> bool:
        """The answer is a stream that holds its own end so far, and tells of no error."""
        end = self._tail()
        return bool(self.stream) and end.finished and not end.failed

    @property
    def cut_short(self) -> bool:
        """An answer that ended as HTTP wants it is without its own end, and says nothing of an
        error either.
        """
        end = self._tail()
        return not self._ends_unknown and not end.finished and not end.failed

    @property
    def _ends_unknown(self) -> bool:
        return not (self.stream and self.readable and self.operation.spec.stream_end_is_known)

    @property
    def stream(self) -> bool | None:
        """The answer is an SSE stream; None where there is no answer."""
        if self.upstream_status is None:
            return None
        return header(self.upstream_headers, b"content-type").lower().startswith(EVENT_STREAM)

    @property
    def readable(self) -> bool:
        """The answer's bytes are its text: no content coding."""
        return header(self.upstream_headers, b"content-encoding").strip().lower() in {
            "",
            "identity",
        }

    def envelope(self, ending: outcome.RelayResult) -> Envelope:
        """The envelope, before its captures are named."""
        end = self._tail()
        seen = self.left or end
        finished = seen.finished or (ending is outcome.RelayResult.COMPLETE and self._ends_unknown)
        return Envelope(
            exchange_id=self.exchange_id,
            operation=self.operation.name,
            deployment=bound_text(self.operation.deployment or self.model_asked),
            api_version=bound_text(self.api_version),
            stream=(self.streaming_asked or None) if self.stream is None else self.stream,
            started_at=self.started_at.isoformat(timespec="microseconds"),
            status_code=self.answered_status,
            upstream_status_code=self.upstream_status,
            outcome=outcome.decide(
                ending,
                upstream_status=self.upstream_status,
                stream=bool(self.stream),
                finished=finished,
                failed=seen.failed,
            ),
            failure=self.failure,
            timings=self._timings(),
            arrivals=tuple(self.arrivals),
            chunk_count=self.chunk_count,
            usage=end.usage,
            usage_source="upstream" if end.usage else "none",
            usage_requested=self.usage_requested,
            request_bytes=self.request.size,
            response_bytes=self.response.size,
            sent_bytes=self.sent_bytes if self.left else self.response.size,
            request_capture=None,
            response_capture=None,
            caller=self.caller(),
            trace_parent=bound_text(header(self.request_headers, b"traceparent") or None),
        )

    def caller(self) -> Caller:
        """Who called, as APIM says."""

        def said(name: bytes) -> str | None:
            return bound_text(header(self.request_headers, name) or None)

        return Caller(
            subscription=said(b"x-apim-subscription-id"),
            product=said(b"x-apim-product-id"),
            user=said(b"x-apim-user-id"),
            request_id=said(b"x-apim-request-id"),
            api=said(b"x-apim-api-id"),
        )

    def _timings(self) -> Timings:
        return Timings(
            to_headers_ms=self.to_headers_ms,
            to_first_chunk_ms=self.arrivals[0][1] if self.arrivals else None,
            to_last_chunk_ms=self.to_last_chunk_ms,
            to_end_ms=self.to_end_ms,
        )

    def _tail(self) -> tail.Tail:
        if self.looked_at is None or self.looked_at[0] != self.response.size:
            self.looked_at = self.response.size, self._look_at_tail()
        return self.looked_at[1]

    def _look_at_tail(self, unsent_bytes: int = 0) -> tail.Tail:
        end = self.response.tail(tail.TAIL_BYTES)
        whole = len(end) == self.response.size
        end = end[: max(len(end) - unsent_bytes, 0)]
        if not end or not self.readable:
            return tail.Tail(finished=False, usage=None)
        if self.stream:
            return tail.of_stream(end, whole=whole)
        return tail.of_json(end) if whole else tail.Tail(finished=True, usage=None)
