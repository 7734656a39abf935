"""The relay's observation of the upstream's response, made as it passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from shared.core.exchange.conclusion import ResponseCompleteness
from shared.core.records.exchange.piece_times import MAX_PIECES, PieceTimes
from shared.core.wire.http.headers import RawHeaders, is_readable
from shared.core.wire.operations import OperationSpec
from shared.core.wire.stream.stream_scan import StreamScan
from shared.core.wire.stream.tail import TAIL_BYTES, Tail, tail_of_json
from shared.relay.body_writer import BodyWriter


class ResponseHead(NamedTuple):
    """The beginning of the response. Times are milliseconds since the request's first byte."""

    status: int
    headers: RawHeaders
    at_ms: float


class DisconnectPoint(NamedTuple):
    """The point of the response at which the client disconnected."""

    at_ms: float
    sent_bytes: int
    tail: Tail  # of what the client was sent


@dataclass(kw_only=True, slots=True)
class ResponseObservation:
    """The observation of a response, empty until it begins."""

    body: BodyWriter
    operation: OperationSpec
    head: ResponseHead | None = None
    is_readable: bool = True  # the body's bytes are its text: no content coding
    # the content type says that it is a stream, or else its first bytes do
    announced_stream: bool = False
    scan: StreamScan = field(default_factory=StreamScan)  # of an announced stream
    piece_count: int = 0
    piece_times: PieceTimes = field(default_factory=PieceTimes)  # of the first MAX_PIECES pieces
    to_last_piece_ms: float | None = None
    # the client disconnected here; the rest of the body was drained, or held back
    disconnect: DisconnectPoint | None = None
    # how many bytes of the body had come when its tail was read last, and that tail
    cached_tail: tuple[int, Tail] | None = None

    def begin(self, at_ms: float, status: int, headers: RawHeaders, *, is_stream: bool) -> None:
        """Note status and headers. `is_stream`: the body is announced as a stream."""
        self.head = ResponseHead(status, headers, at_ms)
        self.announced_stream, self.is_readable = is_stream, is_readable(headers)

    def received(self, piece: bytes, at_ms: float) -> None:
        """Note a piece of the body. Called for every piece of every stream: it must stay cheap."""
        self.body.write(piece)
        if self.announced_stream:
            self.scan.feed(piece)
        if self.disconnect is not None:
            return
        self.piece_count += 1
        self.to_last_piece_ms = at_ms
        if self.piece_count <= MAX_PIECES:
            times = self.piece_times
            times.sizes.append(len(piece))
            times.times_ms.append(at_ms)

    def client_disconnected(self, at_ms: float, *, unsent_bytes: int) -> None:
        """Note the disconnect. Pieces that come after it are drained for the usage in them.
        `unsent_bytes`: how many bytes of the pieces before it were held back from the client.
        """
        tail = self._read_tail(unsent_bytes) if unsent_bytes else self.tail()
        self.disconnect = DisconnectPoint(at_ms, self.body.size - unsent_bytes, tail)

    @property
    def status(self) -> int | None:
        """The upstream's status; None if it did not respond."""
        return self.head.status if self.head is not None else None

    @property
    def headers(self) -> RawHeaders:
        """The upstream's headers."""
        return self.head.headers if self.head is not None else []

    @property
    def is_stream(self) -> bool | None:
        """The body is an SSE stream; None if there is no response. A document is not one, whatever
        its content type says.
        """
        if self.head is None:
            return None
        return self.announced_stream and not (self.is_readable and self.scan.is_document)

    @property
    def completeness(self) -> ResponseCompleteness:
        """The completeness of the response as received."""
        return self._completeness_of(self.tail())

    @property
    def sent_completeness(self) -> ResponseCompleteness:
        """The completeness of the response as sent to the client."""
        return (
            self._completeness_of(self.disconnect.tail)
            if self.disconnect is not None
            else self.completeness
        )

    def tail(self) -> Tail:
        """The tail of the response as received."""
        if self.cached_tail is None or self.cached_tail[0] != self.body.size:
            self.cached_tail = self.body.size, self._read_tail()
        return self.cached_tail[1]

    def _completeness_of(self, tail: Tail) -> ResponseCompleteness:
        return ResponseCompleteness(
            tail=tail,
            is_stream=bool(self.is_stream),
            end_is_known=self.is_readable and self.operation.stream_end_is_known,
        )

    def _read_tail(self, unsent_bytes: int = 0) -> Tail:
        if not self.body.size or not self.is_readable:
            return Tail(finished=False, usage=None)
        if self.is_stream:
            return self.scan.tail_without_last_event() if unsent_bytes else self.scan.tail()
        last_bytes = self.body.last_bytes(TAIL_BYTES)
        if unsent_bytes or len(last_bytes) != self.body.size:
            return Tail(finished=True, usage=None)
        return tail_of_json(last_bytes, self.operation)
