"""The envelope of an exchange, made of its observation."""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.core.event.usage import recorded_usage
from shared.core.exchange.conclusion import Conclusion
from shared.core.records.exchange.envelope import MAX_ARRIVALS, Envelope, Timings, bound_text
from shared.core.wire.http.headers import header
from shared.relay import caller_headers
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.response_observation import ResponseObservation


class CaptureNames(NamedTuple):
    """The names of an exchange's captures that are stored; None: that one is not."""

    request: str | None = None
    response: str | None = None


NOTHING_STORED: Final = CaptureNames()


def envelope_of(
    observation: ExchangeObservation,
    conclusion: Conclusion,
    captures: CaptureNames = NOTHING_STORED,
    *,
    recorded_ms: float | None = None,
) -> Envelope:
    """The envelope. `captures` are stored, or will be. `recorded_ms` is the time from the start of
    the exchange to the end of its recording; None if that is still under way.
    """
    start, request, response = observation.start, observation.request, observation.response
    usage, usage_source = recorded_usage(response.tail().usage, start.content.mode)
    is_stream = response.is_stream
    return Envelope(
        exchange_id=start.exchange_id,
        operation=start.operation.name,
        deployment=bound_text(start.operation.deployment or request.model),
        api_version=bound_text(start.api_version),
        method=bound_text(start.method),
        path=bound_text(start.path.decode("latin-1")),
        stream=(request.stream_requested or None) if is_stream is None else is_stream,
        started_at=start.started_at.isoformat(timespec="microseconds"),
        status_code=observation.answered_status,
        upstream_status_code=response.status,
        outcome=response.sent_completeness.outcome(conclusion, upstream_status=response.status),
        failure=conclusion.failure,
        timings=_timings(response, observation.to_end_ms),
        arrivals=response.piece_times.first(MAX_ARRIVALS),
        chunk_count=response.piece_count,
        usage=usage,
        usage_source=usage_source,
        usage_requested=request.usage_requested,
        attempts=request.attempts,
        request_bytes=request.body.size,
        response_bytes=response.body.size,
        sent_bytes=observation.sent_bytes,
        request_capture=captures.request,
        response_capture=captures.response,
        request_sha256=request.body.sha256 if captures.request else None,
        response_sha256=response.body.sha256 if captures.response else None,
        recorded_ms=recorded_ms,
        caller=caller_headers.caller(start.headers),
        trace_parent=bound_text(header(start.headers, b"traceparent") or None),
        trace_state=_trace_state(header(start.headers, b"tracestate")),
        content_mode=start.content.mode,
        content_rule=start.content.rule,
        retention_days=start.content.retention_days,
    )


def _timings(response: ResponseObservation, to_end_ms: float) -> Timings:
    times_ms = response.piece_times.times_ms
    return Timings(
        to_headers_ms=response.head.at_ms if response.head is not None else None,
        to_first_chunk_ms=times_ms[0] if times_ms else None,
        to_last_chunk_ms=response.to_last_piece_ms,
        to_end_ms=to_end_ms,
    )


def _trace_state(value: str) -> str | None:
    """A tracestate without the members at its end that would make it too long. A vendor's member
    means nothing in part (W3C Trace Context, 3.3.1.5).
    """
    members = value.split(",")
    while members and bound_text(",".join(members)) != ",".join(members):
        members.pop()
    return ",".join(members) or None
