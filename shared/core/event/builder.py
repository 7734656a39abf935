"""Building the event: envelope + captures -> event, without I/O and without a clock."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Any, Final

from shared.core.answer import reader
from shared.core.answer.shapes import Images, ParsedAnswer
from shared.core.event import attribution, latency, request_summary, usage
from shared.core.event.request_summary import RequestSummary
from shared.core.event.shape import SCHEMA_VERSION, UNKNOWN, Event, EventType, dump
from shared.core.event.truncation import truncate
from shared.core.records.capture import Capture
from shared.core.records.envelope import Envelope
from shared.core.records.outcome import Outcome
from shared.core.wire.cooperative import Cooperative, run_to_end
from shared.core.wire.json_shape import short
from shared.core.wire.operations import ReaderKind, spec_of

__all__ = ["SCHEMA_VERSION", "Event", "build", "build_steps", "dump", "truncate"]

# The relay failed, or the upstream said 4xx/5xx. A client that left is no failure: its event keeps
# its type.
_FAILURES: Final = frozenset(Outcome) - {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}

# What stands in the event as it stands there.
OF_ENVELOPE: Final = (
    *(
        "exchange_id",
        "operation",
        "api_version",
        "status_code",
        "upstream_status_code",
        "outcome",
        "chunk_count",
        "caller",
    ),
    *("request_capture", "response_capture", "sent_bytes", "replayed"),
)
OF_QUESTION: Final = (
    "prompt",
    "instructions",
    "parameters",
    "form",
    "user",
    "metadata",
    "prompt_cache_key",
)
OF_ANSWER: Final = (
    "response_status",
    "background",
    "embeddings",
    "audio",
    "prompt_filter_results",
    "content_filters",
)
OF_SHOWN: Final = ("content", "choices", "output", "finish_reason")  # of what the client was sent


def build(
    envelope: Envelope,
    request: Capture | None,
    response: Capture | None,
    default_region: str | None,
    *,
    usage_repeated: bool | None = None,
) -> Event:
    """The event of an exchange; a capture that is None leaves its keys empty, and `problems` says
    so.
    """
    return run_to_end(
        build_steps(envelope, request, response, default_region, usage_repeated=usage_repeated)
    )


def build_steps(
    envelope: Envelope,
    request: Capture | None,
    response: Capture | None,
    region: str | None,
    *,
    usage_repeated: bool | None = None,
) -> Cooperative[Event]:
    """The same, with pauses while a streamed answer is read. `usage_repeated` is said where a claim
    has decided it.
    """
    sent, said_headers = attribution.headers(request), attribution.headers(response)
    question = _question(envelope, request, sent)
    said, shown = yield from _answers(envelope, response, said_headers)
    stream = question.stream if envelope.stream is None else envelope.stream
    return Event(
        **_copied(envelope, OF_ENVELOPE),
        **_copied(question, OF_QUESTION),
        **_copied(said, OF_ANSWER),
        **_copied(shown, OF_SHOWN),
        **_times(envelope, said, stream=stream),
        **_counts(envelope, said, question.text_bytes, stream=stream, repeated=usage_repeated),
        **_circumstances(envelope, sent, said_headers, said),
        **_of_request(envelope, request),
        **_of_response(envelope, response),
        type=_type(envelope, stream=stream),
        model=said.model or UNKNOWN,
        region=short(said_headers.get("x-ms-region")) or region or UNKNOWN,
        schema_version=SCHEMA_VERSION,
        deployment=envelope.deployment or question.model,
        stream=stream,
        error=_error(envelope, said),
        problems=_problems(envelope, request, response, question, said),
        response_id=said.id if _is_response(envelope) else None,
        images=_images(said.images, question),
        truncated=False,
        truncated_texts=(),
    )


def _times(envelope: Envelope, said: ParsedAnswer, *, stream: bool) -> dict[str, Any]:
    latency_ms, first_ms, streaming_ms = latency.parts(envelope, stream=stream)
    return {
        "latency_ms": latency_ms,
        "time_to_first_chunk_ms": first_ms,
        "streaming_duration_ms": streaming_ms,
        "time_to_headers_ms": latency.rounded(envelope.timings.to_headers_ms),
        "time_to_first_token_ms": latency.arrival_ms(envelope, said.first_token_end),
        "timestamp": latency.end(envelope).isoformat(timespec="microseconds"),
    }


def _counts(
    envelope: Envelope, said: ParsedAnswer, asked_bytes: int, *, stream: bool, repeated: bool | None
) -> dict[str, Any]:
    """The usage, and whose it is; `repeated`: as a claim has decided, otherwise it is guessed."""
    figures = said.usage or envelope.usage or None
    estimate = None if figures else usage.estimated(envelope, said, read_bytes=asked_bytes)
    if repeated is None:
        repeated = figures is not None and usage.is_repeated(envelope, said, stream=stream)
    return {
        "usage": figures,
        "usage_source": usage.source(figures, estimate),
        "usage_estimate": estimate,
        "usage_repeated": repeated,
        "tokens": usage.tokens(figures),
    }


def _circumstances(
    envelope: Envelope, sent: dict[str, str], said_headers: dict[str, str], said: ParsedAnswer
) -> dict[str, Any]:
    """Who asked, who served it, and by which ids both know it."""
    return {
        "client": attribution.client(sent),
        "correlation": attribution.correlation(
            sent, said_headers, completion_id=said.id, traceparent=envelope.trace_parent
        ),
        "attempt": attribution.attempt(sent),
        "session_headers": attribution.session_headers(sent),
        "served": attribution.served(said_headers, said),
        "rate_limit": attribution.rate_limit(said_headers),
    }


def _of_request(envelope: Envelope, request: Capture | None) -> dict[str, Any]:
    return {
        "method": short(request.header.get("method")) if request else None,
        "path": short(request.header.get("path"), 1024) if request else None,
        "request_headers": attribution.copied_headers(request),
        "request_bytes": len(request.body) if request else envelope.request_bytes,
        "request_sha256": hashlib.sha256(request.body).hexdigest() if request else None,
    }


def _of_response(envelope: Envelope, response: Capture | None) -> dict[str, Any]:
    return {
        "response_bytes": len(response.body) if response else envelope.response_bytes,
        "response_sha256": hashlib.sha256(response.body).hexdigest() if response else None,
    }


def _copied(source: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _question(envelope: Envelope, request: Capture | None, sent: dict[str, str]) -> RequestSummary:
    if request is None:
        return RequestSummary()
    return request_summary.parse(
        request.body,
        envelope.operation,
        sent.get("content-type", ""),
        sent.get("content-encoding", ""),
    )


def _answers(
    envelope: Envelope, response: Capture | None, headers: dict[str, str]
) -> Cooperative[tuple[ParsedAnswer, ParsedAnswer]]:
    """(everything that the upstream said, what the client was sent of it).

    They differ where a client left a stream and the upstream was drained to learn its usage. Of a
    JSON answer no part makes sense without the rest, so it counts as sent.
    """
    if response is None:
        return ParsedAnswer(), ParsedAnswer()
    body = reader.AnswerBody(
        operation=envelope.operation,
        status_code=envelope.upstream_status_code,
        content_type=headers.get("content-type", ""),
        content_encoding=headers.get("content-encoding", ""),
        stream=envelope.stream,
    )
    said = yield from reader.read_steps((response.body,), body)
    if not body.is_stream or envelope.sent_bytes >= len(response.body):
        return said, said
    return said, (yield from reader.read_steps((response.body[: envelope.sent_bytes],), body))


def _is_response(envelope: Envelope) -> bool:
    return spec_of(envelope.operation).reader is ReaderKind.RESPONSES


def _type(envelope: Envelope, *, stream: bool) -> EventType:
    if envelope.outcome in _FAILURES:
        return "error"
    operation = spec_of(envelope.operation)
    return "stream_completion" if stream and operation.generates_text else operation.event_type


def _images(images: Images | None, question: RequestSummary) -> Images | None:
    """What the answer leaves unsaid is as it was asked for."""
    if images is None:
        return None
    wanted = {
        name: short(question.parameters.get(name)) for name in ("size", "quality", "output_format")
    }
    return replace(
        images,
        size=images.size or wanted["size"],
        quality=images.quality or wanted["quality"],
        output_format=images.output_format or wanted["output_format"],
    )


def _error(envelope: Envelope, said: ParsedAnswer) -> dict[str, Any] | None:
    if said.error is not None:
        return said.error
    if envelope.failure is not None:
        return asdict(envelope.failure)
    if not said.problems or said.content or said.choices or said.output:
        return None
    return {"code": "unreadable_answer", "message": said.problems[0]}


def _problems(
    envelope: Envelope,
    request: Capture | None,
    response: Capture | None,
    question: RequestSummary,
    said: ParsedAnswer,
) -> tuple[str, ...]:
    found = [*([question.problem] if question.problem else []), *said.problems]
    if request is None and envelope.request_bytes:
        found.append("the request's capture is missing: what was asked is not known")
    if response is None and envelope.response_bytes:
        found.append("the answer's capture is missing: its content is not known")
    return tuple(found)
