"""The sources of an event: the envelope and the parsed captures, with their error and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from shared.core.answer import reader
from shared.core.answer.shapes import ParsedAnswer
from shared.core.event import request_summary
from shared.core.event.request_summary import RequestSummary
from shared.core.records.exchange import piece_times
from shared.core.records.exchange.capture import BodyDigest, Capture
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.piece_times import Arrival
from shared.core.wire.http.content_coding import is_identity
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.operations import ReaderKind, spec_of
from shared.core.wire.steps import Cooperative

_ENDED_BY_UPSTREAM: Final = frozenset({Outcome.COMPLETED, Outcome.UPSTREAM_ERROR})
_CUT: Final = "Azure OpenAI ended its response before it was whole."


@dataclass(frozen=True, kw_only=True, slots=True)
class EventSources:
    """One exchange, parsed. A capture is None if it was never stored, or is missing."""

    envelope: Envelope
    request: Capture | None
    response: Capture | None
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    summary: RequestSummary
    answer: ParsedAnswer  # everything that the upstream sent
    sent_answer: ParsedAnswer  # the part of it that the client was sent

    @property
    def is_stream(self) -> bool:
        """Whether the response was a stream; without a response, the request decides."""
        if self.answer.is_stream:
            return True
        return self.summary.stream if self.envelope.stream is None else self.envelope.stream

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """The arrivals of the response's first pieces, as many as are known."""
        stored = piece_times.read(self.response.header) if self.response else ()
        return stored or self.envelope.arrivals

    @property
    def is_encoded(self) -> bool:
        """Whether the response has a content coding: the relay could not read its bytes."""
        return not is_identity(self.response_headers.get("content-encoding", ""))

    @property
    def is_upstream_error(self) -> bool:
        """Whether the upstream answered 4xx or 5xx."""
        return (self.envelope.upstream_status_code or 0) >= 400

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each part of the captures that is missing or could not be read."""
        envelope, summary = self.envelope, self.summary
        sentences = [*([summary.problem] if summary.problem else []), *self.answer.problems]
        if self.request is None and envelope.request_bytes:
            sentences.append("the request's capture is missing: what was asked is not known")
        if self.request is not None and self.request.is_partial:
            sentences.append("the request's capture is partial: the instance was killed meanwhile")
        if self.response is None and envelope.response_bytes:
            sentences.append("the response's capture is missing: its content is not known")
        return tuple(sentences)

    def error(self, outcome: Outcome) -> JsonObject | None:
        """The upstream's error, else the relay's, else what the response itself shows. `outcome` is
        the event's.
        """
        answer, envelope = self.answer, self.envelope
        if answer.error is not None:
            return answer.error
        if envelope.failure is not None:
            return asdict(envelope.failure)
        if outcome is Outcome.UPSTREAM_INTERRUPTED and outcome is not envelope.outcome:
            return {"code": "upstream_interrupted", "message": _CUT}
        if self.is_upstream_error and not envelope.response_bytes:
            message = f"Azure OpenAI answered {envelope.upstream_status_code}, and no body came."
            return {"code": "upstream_error", "message": message}
        if not answer.unreadable:
            return None
        return {"code": "unreadable_answer", "message": answer.problems[0]}


def parse_steps(
    envelope: Envelope, request: Capture | None, response: Capture | None
) -> Cooperative[EventSources]:
    """Parse both captures; yields between short steps while a streamed response is read."""
    request_headers = request.headers if request else {}
    answer, sent_answer = yield from answers_steps(envelope, response)
    return EventSources(
        envelope=envelope,
        request=request,
        response=response,
        request_headers=request_headers,
        response_headers=response.headers if response else {},
        summary=_summary(envelope, request, request_headers),
        answer=answer,
        sent_answer=sent_answer,
    )


def _summary(
    envelope: Envelope, request: Capture | None, headers: dict[str, str]
) -> RequestSummary:
    if request is None:
        return RequestSummary()
    if request.unread is not None:
        return RequestSummary(problem=_too_large("request", request.unread))
    return request_summary.parse(
        request.body,
        envelope.operation,
        headers.get("content-type", ""),
        headers.get("content-encoding", ""),
    )


def answers_steps(
    envelope: Envelope, response: Capture | None
) -> Cooperative[tuple[ParsedAnswer, ParsedAnswer]]:
    """The upstream's whole response, and the part of it that the client was sent.

    They differ if the client disconnected within a stream and the relay read on to learn the usage.
    A part of a JSON document makes no sense on its own, so a document counts as sent.
    """
    if response is not None and response.unread is not None:
        answer = _unread_answer(envelope, response.unread)
        return answer, answer
    if response is None or (envelope.failure is not None and not response.body):
        return _without_body(envelope), ParsedAnswer()
    body = answer_body(envelope, response.headers)
    answer = yield from reader.read_steps((response.body,), body)
    if not answer.is_stream or envelope.sent_bytes >= len(response.body):
        return answer, answer
    sent_body = (response.body[: envelope.sent_bytes],)
    return answer, (yield from reader.read_steps(sent_body, body))


def answer_body(envelope: Envelope, headers: Mapping[str, str]) -> reader.AnswerBody:
    """The facts by which the answer with these headers is read."""
    return reader.AnswerBody(
        operation=envelope.operation,
        status_code=envelope.upstream_status_code,
        content_type=headers.get("content-type", ""),
        content_encoding=headers.get("content-encoding", ""),
        stream=envelope.stream,
        requested_model=envelope.deployment,
        whole=envelope.outcome in _ENDED_BY_UPSTREAM,
    )


def _unread_answer(envelope: Envelope, unread: BodyDigest) -> ParsedAnswer:
    if not _expects_body(envelope.operation):  # such as the content of a file
        return ParsedAnswer()
    return ParsedAnswer(problems=(_too_large("answer", unread),), unreadable=True)


def _too_large(name: str, unread: BodyDigest) -> str:
    return f"the {name} cannot be read: {unread.bytes} bytes are too many"


def _without_body(envelope: Envelope) -> ParsedAnswer:
    """The response if no body is stored. A 200 without its body must not be taken for a success."""
    is_empty = envelope.outcome is Outcome.COMPLETED and envelope.upstream_status_code == 200
    if envelope.response_bytes or not is_empty or not _expects_body(envelope.operation):
        return ParsedAnswer()
    return ParsedAnswer(problems=("the answer's body is empty",), unreadable=True)


def _expects_body(operation: str) -> bool:
    """Whether an empty body is an error: an empty text or audio file may be right."""
    return spec_of(operation).reader not in {ReaderKind.NONE, ReaderKind.AUDIO}
