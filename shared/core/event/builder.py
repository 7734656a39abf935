"""Builds the event of an exchange from its envelope and its captures, without I/O and without a
clock.
"""

from __future__ import annotations

from dataclasses import replace

from shared.core.answer import without_content
from shared.core.answer.shapes import Images
from shared.core.cost.deployments import NO_DEPLOYMENTS, Deployments
from shared.core.event import (
    answer_notes,
    attribution,
    event_cost,
    integrity,
    latency,
    usage,
)
from shared.core.event.request_summary import RequestSummary
from shared.core.event.shape import SCHEMA_VERSION, UNKNOWN, Event, EventType
from shared.core.event.sources import EventSources, parse_steps
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import FAILURES, Outcome, decide
from shared.core.wire.json.json_shape import short
from shared.core.wire.operations import ReaderKind, spec_of
from shared.core.wire.steps import Cooperative, run_to_end


def build(
    envelope: Envelope,
    request: Capture | None,
    response: Capture | None,
    default_region: str | None,
    deployments: Deployments = NO_DEPLOYMENTS,
) -> Event:
    """The event of an exchange.

    A capture that is None leaves its keys empty, and `problems` reports it. `default_region` is the
    region if the upstream's response does not name one, `deployments` are the operator's facts
    about deployments.
    """
    return run_to_end(build_steps(envelope, request, response, default_region, deployments))


def build_steps(
    envelope: Envelope,
    request: Capture | None,
    response: Capture | None,
    default_region: str | None,
    deployments: Deployments = NO_DEPLOYMENTS,
) -> Cooperative[Event]:
    """Builds the event like `build`, but yields between short steps of reading a stream."""
    if envelope.content_mode.stores_bodies:
        sources = yield from parse_steps(envelope, request, response)
    elif response is not None and response.body:
        sources = _without_content((yield from parse_steps(envelope, request, response)))
    else:
        sources = _unstored_sources(envelope, request, response)
    return _event(sources, default_region, deployments)


def _unstored_sources(
    envelope: Envelope, request: Capture | None, response: Capture | None
) -> EventSources:
    """The sources if the bodies were not stored."""
    answer, sent_answer = answer_notes.answers(response.header if response else {})
    return EventSources(
        envelope=envelope,
        request=request,
        response=response,
        request_headers=request.headers if request else {},
        response_headers=response.headers if response else {},
        summary=RequestSummary(),
        answer=answer,
        sent_answer=sent_answer,
    )


def _without_content(sources: EventSources) -> EventSources:
    """The sources without texts, for an event that must not have them although the bodies were
    stored.
    """
    return replace(
        sources,
        summary=RequestSummary(),
        answer=without_content.without_content(sources.answer),
        sent_answer=without_content.without_content(sources.sent_answer),
    )


def _event(sources: EventSources, default_region: str | None, deployments: Deployments) -> Event:
    envelope, summary, stream = sources.envelope, sources.summary, sources.is_stream
    request_headers, response_headers = sources.request_headers, sources.response_headers
    request_line = sources.request.header if sources.request else {}
    answer, sent_answer = sources.answer, sources.sent_answer
    outcome = _outcome(sources)
    times = latency.event_times(
        envelope, sources.arrivals, stream=stream, first_token_end=answer.first_token_end
    )
    account = usage.account(envelope, answer, stream=stream, prompt_bytes=summary.text_bytes)
    return Event(
        # what consumers read first
        type=_event_type(envelope.operation, outcome, stream=stream),
        content=sent_answer.content,
        usage=account.usage,
        model=answer.model or UNKNOWN,
        prompt=summary.prompt,
        region=attribution.region(response_headers) or default_region or UNKNOWN,
        latency_ms=times.latency_ms,
        time_to_first_chunk_ms=times.time_to_first_chunk_ms,
        streaming_duration_ms=times.streaming_duration_ms,
        timestamp=times.timestamp,
        # the exchange
        exchange_id=envelope.exchange_id,
        schema_version=SCHEMA_VERSION,
        operation=envelope.operation,
        deployment=envelope.deployment or summary.model,
        api_version=envelope.api_version,
        method=short(request_line.get("method")) or envelope.method,
        path=short(request_line.get("path"), 1024) or envelope.path,
        stream=stream,
        status_code=envelope.status_code,
        attempts=envelope.attempts if (envelope.attempts or 0) > 1 else None,
        upstream_status_code=envelope.upstream_status_code,
        outcome=outcome,
        finish_reason=sent_answer.finish_reason,
        error=sources.error(outcome),
        problems=sources.problems,
        # the response
        choices=sent_answer.choices,
        output=sent_answer.output,
        create_exchange_id=envelope.create_exchange_id,
        response_id=answer.id if _is_response(envelope) else None,
        response_status=answer.response_status,
        background=answer.background,
        embeddings=answer.embeddings,
        images=_images(answer.images, summary),
        audio=answer.audio,
        batch=answer.batch,
        prompt_filter_results=answer.prompt_filter_results,
        content_filters=answer.content_filters,
        # usage
        usage_source=account.source,
        usage_estimate=account.estimate,
        usage_repeated=account.repeated,
        tokens=account.tokens,
        quantities=event_cost.measure(sources, account, outcome, deployments),
        # timings
        time_to_headers_ms=times.time_to_headers_ms,
        time_to_first_token_ms=times.time_to_first_token_ms,
        chunk_count=envelope.chunk_count,
        # the request
        instructions=summary.instructions,
        parameters=summary.parameters,
        form=summary.form,
        user=summary.user,
        metadata=summary.metadata,
        prompt_cache_key=summary.prompt_cache_key,
        # attribution
        caller=envelope.caller,
        client=attribution.client(request_headers),
        correlation=attribution.correlation(
            request_headers,
            response_headers,
            completion_id=answer.id,
            traceparent=envelope.trace_parent,
            tracestate=envelope.trace_state,
        ),
        attempt=attribution.attempt(request_headers),
        session_headers=attribution.session_headers(request_headers),
        request_headers=sources.request.copied_headers if sources.request else {},
        served=attribution.served(response_headers, answer),
        rate_limit=attribution.rate_limit(response_headers),
        # the captures
        request_capture=envelope.request_capture,
        request_bytes=integrity.body_bytes(envelope, sources.request, envelope.request_bytes),
        request_sha256=integrity.body_sha256(envelope, sources.request),
        response_capture=envelope.response_capture,
        response_bytes=integrity.body_bytes(envelope, sources.response, envelope.response_bytes),
        response_sha256=integrity.body_sha256(envelope, sources.response),
        sent_bytes=envelope.sent_bytes,
        truncated=False,
        truncated_texts=(),
        replayed=envelope.replayed,
        content_mode=envelope.content_mode,
        content_rule=envelope.content_rule,
        retention_days=envelope.retention_days,
        redactions={},
    )


def _outcome(sources: EventSources) -> Outcome:
    """The outcome by the captured answer, if the relay could not see it."""
    recorded, answer = sources.envelope.outcome, sources.sent_answer
    finished = None if sources.answer.unreadable else answer.finished
    if finished and not sources.is_encoded:
        finished = None  # the relay saw that end, and has decided by it
    if finished is False and not spec_of(sources.envelope.operation).stream_end_is_known:
        finished = None
    return decide(
        recorded,
        is_final=recorded in FAILURES,
        error_status=False,  # the relay saw the status, and has decided by it
        failed=answer.failed,
        finished=finished,
    )


def _event_type(operation_name: str, outcome: Outcome, *, stream: bool) -> EventType:
    if outcome in FAILURES:
        return "error"
    operation = spec_of(operation_name)
    return "stream_completion" if stream and operation.generates_text else operation.event_type


def _is_response(envelope: Envelope) -> bool:
    """Whether the operation answers with a response of the Responses API."""
    return spec_of(envelope.operation).reader is ReaderKind.RESPONSES


def _images(images: Images | None, summary: RequestSummary) -> Images | None:
    """The response's images. If the response omits a property, the request's parameter stands
    in.
    """
    if images is None:
        return None
    requested = summary.parameters
    return replace(
        images,
        size=images.size or short(requested.get("size")),
        quality=images.quality or short(requested.get("quality")),
        output_format=images.output_format or short(requested.get("output_format")),
    )
