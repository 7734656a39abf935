"""What the relay notes of an exchange while it runs, and the envelope that is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from shared.core.answer import without_content
from shared.core.api_errors.api_error import ApiError
from shared.core.content.decision import ContentDecision
from shared.core.exchange.error_frame import error_frame
from shared.core.exchange.machine import Conclusion
from shared.core.exchange.response_end import ResponseEnd
from shared.core.records.envelope import (
    MAX_ARRIVALS,
    Caller,
    Envelope,
    Failure,
    Timings,
    bound_text,
)
from shared.core.records.piece_times import MAX_PIECES, PieceTimes
from shared.core.wire.http.headers import RawHeaders, header, is_readable
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.request.routing import Operation
from shared.core.wire.stream import tail
from shared.core.wire.stream.stream_scan import StreamScan
from shared.core.wire.stream.tail import Tail
from shared.relay import caller_headers
from shared.relay.digest_writer import BodyWriter

_MAX_KEEP_ALIVES: Final = 200


class DisconnectPoint(NamedTuple):
    """Where in the answer the client disconnected."""

    sent_bytes: int
    tail: Tail  # of what it was sent


class StoredCaptures(NamedTuple):
    """The names of an exchange's captures that are stored; None: that one is not."""

    request: str | None = None
    response: str | None = None


NOTHING_STORED: Final = StoredCaptures()


@dataclass(kw_only=True, slots=True)
class ExchangeRecord:
    """One exchange's notes. The relay writes them; the recorder reads them when it has ended.

    Times are milliseconds since the request's first byte.
    """

    exchange_id: str
    started_at: datetime
    method: str
    path: bytes
    api_version: str | None
    operation: Operation
    request_headers: RawHeaders
    content: ContentDecision
    request: BodyWriter
    response: BodyWriter
    stream_requested: bool | None = None  # the request asks for a stream; None: not known
    requested_model: str | None = None  # the request's model, where its body was examined
    usage_requested: bool = False  # the proxy asked for usage on the caller's behalf
    attempts: int = 0  # requests sent upstream
    answered_status: int | None = None  # what the client was answered
    upstream_status: int | None = None
    upstream_headers: RawHeaders = field(default_factory=list)
    readable: bool = True  # the answer's bytes are its text: no content coding
    chunk_count: int = 0
    pieces: PieceTimes = field(default_factory=PieceTimes)
    keep_alives_ms: list[float] = field(default_factory=list)  # when one was sent
    to_headers_ms: float | None = None
    to_last_chunk_ms: float | None = None
    to_end_ms: float = 0.0
    # the client disconnected here; the rest of the answer was drained, or held back
    disconnected_at: DisconnectPoint | None = None
    unsent_bytes: int = 0  # of the answer's end: withheld, because its capture is not stored
    # the answer's content type says that it is a stream, or else its first bytes do
    announced_stream: bool = False
    scan: StreamScan = field(default_factory=StreamScan)  # of an answer that is announced as one
    # the tail of the first so many bytes of the answer
    cached_tail: tuple[int, Tail] | None = None

    def upstream_answered(
        self, at_ms: float, status: int, headers: RawHeaders, *, is_stream: bool
    ) -> None:
        """Note the beginning of the answer."""
        self.to_headers_ms = at_ms
        self.upstream_status, self.upstream_headers = status, headers
        self.announced_stream, self.readable = is_stream, is_readable(headers)

    def received(self, piece: bytes, at_ms: float) -> None:
        """Note a piece of the answer. Called for every piece of every stream: it must stay
        cheap.
        """
        self.response.write(piece)
        if self.announced_stream:
            self.scan.feed(piece)
        if self.disconnected_at is not None:
            return
        self.chunk_count += 1
        self.to_last_chunk_ms = at_ms
        if self.chunk_count <= MAX_PIECES:
            pieces = self.pieces
            pieces.sizes.append(len(piece))
            pieces.times_ms.append(at_ms)

    def keep_alive_sent(self, at_ms: float) -> None:
        """Note a comment, or white space, that bridges a silence."""
        if len(self.keep_alives_ms) < _MAX_KEEP_ALIVES:
            self.keep_alives_ms.append(round(at_ms, 1))

    def client_disconnected(self, at_ms: float, *, unsent_bytes: int = 0) -> None:
        """For the client the exchange ends here; whatever is received after this is drained, for
        its usage. `unsent_bytes` of what has been received were held back.
        """
        self.to_end_ms = at_ms
        end = self._read_tail(unsent_bytes) if unsent_bytes else self._tail()
        self.disconnected_at = DisconnectPoint(self.response.size - unsent_bytes, end)

    def ended(self, at_ms: float, *, answered_status: int | None) -> None:
        """The exchange has ended, unless it ended for the client before."""
        self.answered_status = answered_status
        if self.disconnected_at is None:
            self.to_end_ms = at_ms

    def end_withheld(self, unsent_bytes: int, *, answered_status: int | None) -> None:
        """The client does not get the answer's end: it disconnected before its capture was stored,
        or that could not be stored.
        """
        self.unsent_bytes = unsent_bytes
        self.answered_status = answered_status

    @property
    def end(self) -> ResponseEnd:
        """What the end of all that has been received says."""
        return self._end(self._tail())

    def _end(self, end: Tail) -> ResponseEnd:
        return ResponseEnd(
            tail=end,
            is_stream=bool(self.stream),
            end_is_known=self.readable and self.operation.spec.stream_end_is_known,
        )

    @property
    def stream(self) -> bool | None:
        """The answer is an SSE stream; None if there is no answer. A document is not one,
        whatever its content type says.
        """
        if self.upstream_status is None:
            return None
        return self.announced_stream and not (self.readable and self.scan.is_document)

    def error_frame(self, document: bytes) -> bytes:
        """An error's JSON as an event of this exchange's stream."""
        number = self.scan.next_sequence_number
        typed = self.operation.spec.has_typed_events
        return error_frame(document, sequence_number=number if typed else None)

    def envelope(
        self,
        conclusion: Conclusion,
        captures: StoredCaptures = NOTHING_STORED,
        *,
        recorded_ms: float | None = None,
    ) -> Envelope:
        """The envelope. `captures`: those that are stored, or about to be. `recorded_ms`: when that
        was known; None: not yet.
        """
        usage, sent_bytes = self._usage(), self.response.size - self.unsent_bytes
        if self.disconnected_at is not None:
            sent_bytes = self.disconnected_at.sent_bytes
        return Envelope(
            exchange_id=self.exchange_id,
            operation=self.operation.name,
            deployment=bound_text(self.operation.deployment or self.requested_model),
            api_version=bound_text(self.api_version),
            method=bound_text(self.method),
            path=bound_text(self.path.decode("latin-1")),
            stream=(self.stream_requested or None) if self.stream is None else self.stream,
            started_at=self.started_at.isoformat(timespec="microseconds"),
            status_code=self.answered_status,
            upstream_status_code=self.upstream_status,
            outcome=self._sent_end.outcome(conclusion.result, upstream_status=self.upstream_status),
            failure=_failure(conclusion.failure),
            timings=self._timings(),
            arrivals=self.pieces.first(MAX_ARRIVALS),
            chunk_count=self.chunk_count,
            usage=usage,
            usage_source="upstream" if usage else "none",
            usage_requested=self.usage_requested,
            attempts=self.attempts,
            request_bytes=self.request.size,
            response_bytes=self.response.size,
            sent_bytes=sent_bytes,
            request_capture=captures.request,
            response_capture=captures.response,
            recorded_ms=recorded_ms,
            caller=self.caller(),
            trace_parent=bound_text(header(self.request_headers, b"traceparent") or None),
            trace_state=_trace_state(header(self.request_headers, b"tracestate")),
            content_mode=self.content.mode,
            content_rule=self.content.rule,
        )

    def _usage(self) -> JsonObject | None:
        usage = self._tail().usage
        return usage if self.content.mode.stores_bodies else without_content.figures_of(usage)

    @property
    def _sent_end(self) -> ResponseEnd:
        """What the end of all that the client was sent says."""
        return (
            self._end(self.disconnected_at.tail) if self.disconnected_at is not None else self.end
        )

    def caller(self) -> Caller:
        """Who called, as APIM's policy says in its headers."""

        return caller_headers.caller(self.request_headers)

    def _timings(self) -> Timings:
        return Timings(
            to_headers_ms=self.to_headers_ms,
            to_first_chunk_ms=self.pieces.times_ms[0] if self.pieces.times_ms else None,
            to_last_chunk_ms=self.to_last_chunk_ms,
            to_end_ms=self.to_end_ms,
        )

    def _tail(self) -> Tail:
        if self.cached_tail is None or self.cached_tail[0] != self.response.size:
            self.cached_tail = self.response.size, self._read_tail()
        return self.cached_tail[1]

    def _read_tail(self, unsent_bytes: int = 0) -> Tail:
        if not self.response.size or not self.readable:
            return Tail(finished=False, usage=None)
        if self.stream:
            return self.scan.end_without_last_event() if unsent_bytes else self.scan.end()
        end = self.response.tail(tail.TAIL_BYTES)
        if unsent_bytes or len(end) != self.response.size:
            return Tail(finished=True, usage=None)
        return tail.of_json(end, self.operation.spec)


def _failure(error: ApiError | None) -> Failure | None:
    return Failure(code=error.code, message=error.message) if error is not None else None


def _trace_state(value: str) -> str | None:
    """A tracestate without the members at its end that would make it too long. A vendor's member
    means nothing in part (W3C Trace Context, 3.3.1.5).
    """
    members = value.split(",")
    while members and bound_text(",".join(members)) != ",".join(members):
        members.pop()
    return ",".join(members) or None
