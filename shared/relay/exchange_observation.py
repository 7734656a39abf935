"""The relay's observation of an exchange, made while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.core.content.decision import ContentDecision
from shared.core.exchange.late_error import error_frame
from shared.core.wire.http.headers import RawHeaders
from shared.core.wire.request.routing import Operation
from shared.core.wire.request.usage_request import Examination
from shared.relay.body_writer import BodyWriter
from shared.relay.response_observation import ResponseObservation

_MAX_KEEP_ALIVES: Final = 200


class Stopwatch:
    """Measures from the time at which it is made: the start of an exchange."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` returns seconds."""
        self.clock = clock
        self.started = clock()

    def ms(self) -> float:
        """Milliseconds since the start."""
        return (self.clock() - self.started) * 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeStart:
    """The facts about an exchange when it starts: nothing of its bodies is known."""

    exchange_id: str
    started_at: datetime
    method: str
    path: bytes
    api_version: str | None
    operation: Operation
    headers: RawHeaders  # the client's
    content: ContentDecision


@dataclass(kw_only=True, slots=True)
class RequestObservation:
    """The observation of a request as it is read and sent upstream."""

    body: BodyWriter
    stream_requested: bool | None = None  # it asks for a stream; None: not known
    model: str | None = None  # what it asks for, if its body was examined
    usage_requested: bool = False  # the proxy asked for usage on the caller's behalf
    attempts: int = 0  # how often it was sent upstream

    def count_attempt(self) -> None:
        """It is sent upstream now."""
        self.attempts += 1


class ExchangeObservation:
    """The observation of an exchange. The relay writes it; the recorder reads it after the end.

    Times are milliseconds since the request's first byte.
    """

    def __init__(
        self,
        start: ExchangeStart,
        request: RequestObservation,
        response: BodyWriter,
        stopwatch: Stopwatch,
    ) -> None:
        """`response` takes the response's body. `stopwatch`: since the request's first byte."""
        self.start = start
        self.stopwatch = stopwatch
        self.request = request
        self.response = ResponseObservation(body=response, operation=start.operation.spec)
        self.answered_status: int | None = None  # what the client was answered
        # the size of the response's end that the client did not get: its capture is not stored
        self.unsent_bytes = 0
        self.keep_alives_ms: list[float] = []  # when one was sent
        self._ended_ms = 0.0

    def request_examined(self, examination: Examination) -> None:
        """Note what the request's body asks for."""
        self.request.stream_requested = examination.stream
        self.request.model = examination.model
        self.response.scan.choices = examination.choices

    def exchange_ended(self, *, answered_status: int | None) -> None:
        """The exchange ends now."""
        self._ended_ms = self.stopwatch.ms()
        self.answered_status = answered_status

    def keep_alive_sent(self) -> None:
        """Note a comment, or white space, that is sent now and bridges a silence."""
        if len(self.keep_alives_ms) < _MAX_KEEP_ALIVES:
            self.keep_alives_ms.append(round(self.stopwatch.ms(), 1))

    def client_disconnected(self, *, unsent_bytes: int = 0) -> None:
        """For the client the exchange ends now. `unsent_bytes`: how many of the bytes that have
        been received were held back.
        """
        self.response.client_disconnected(self.stopwatch.ms(), unsent_bytes=unsent_bytes)

    def response_end_withheld(self, unsent_bytes: int, *, answered_status: int | None) -> None:
        """The client does not get the response's end: it disconnected before its capture was
        stored, or that could not be stored.
        """
        self.unsent_bytes = unsent_bytes
        self.answered_status = answered_status

    @property
    def exchange_id(self) -> str:
        """The exchange's id."""
        return self.start.exchange_id

    @property
    def to_end_ms(self) -> float:
        """When the exchange ended for its client."""
        disconnect = self.response.disconnect
        return disconnect.at_ms if disconnect is not None else self._ended_ms

    @property
    def sent_bytes(self) -> int:
        """The size of the part of the response that the client was sent."""
        response = self.response
        if response.disconnect is not None:
            return response.disconnect.sent_bytes
        return response.body.size - self.unsent_bytes

    def error_frame(self, document: bytes) -> bytes:
        """An error's JSON as an event of this exchange's stream."""
        number = self.response.scan.next_sequence_number
        typed = self.start.operation.spec.has_typed_events
        return error_frame(document, sequence_number=number if typed else None)
