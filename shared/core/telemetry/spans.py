"""The spans of an exchange, with the times that the exchange itself had."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from shared.core.telemetry import trace_context
from shared.core.telemetry.attributes import (
    TelemetryOptions,
    callers,
    gen_ai,
    server,
    without_none,
)
from shared.core.telemetry.conventions import Attributes
from shared.core.telemetry.exchange_telemetry import (
    DeliveryCause,
    DeliveryReport,
    ExchangeTelemetry,
)
from shared.core.telemetry.messages import MessagesEvent, messages_event_of
from shared.core.telemetry.trace_context import SpanRef, TraceParent
from shared.core.wire.gen_ai import GenAiOperation, MetricFamily
from shared.core.wire.operations import spec_of

_NS_PER_MS: Final = 1_000_000
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

type SpanKind = Literal["client", "internal"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A span and its children."""

    name: str
    kind: SpanKind
    span_id: int
    start_ns: int  # unix time
    end_ns: int
    attributes: Attributes = field(default_factory=dict)
    error_type: str | None = None  # its status is an error
    links: tuple[SpanRef, ...] = ()
    children: tuple[Span, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """The spans of one delivery."""

    trace_id: int
    parent: TraceParent | None  # the caller's span
    state: str | None = None  # the caller's tracestate
    root: Span
    # prompt and answer; None: not wanted, or not recorded
    messages_event: MessagesEvent | None = None


def trace_of(
    exchange: ExchangeTelemetry, delivery: DeliveryReport, options: TelemetryOptions
) -> Trace:
    """The exchange's spans, or, if an earlier delivery made them, one that links to them."""
    if delivery.first is False:
        return _repeat_trace(exchange, delivery)
    own = trace_context.span_of(exchange.exchange_id, exchange.trace_parent)
    start_ns = _start_ns(exchange)
    attributes = _attributes(exchange, options)
    root = Span(
        name=_name(exchange),
        kind="client",
        span_id=own.span_id,
        start_ns=start_ns,
        end_ns=end_ns(exchange),
        attributes=attributes | _messages(exchange, options),
        error_type=exchange.error_type,
        children=(*_phases(exchange), *_recording(exchange, delivery)),
    )
    parent = trace_context.parse(exchange.trace_parent)
    state = exchange.trace_state if parent is not None else None
    messages_event = None
    if options.messages_in_events and exchange.messages is not None:
        messages_event = messages_event_of(
            exchange.messages, attributes, span_id=own.span_id, at_ns=end_ns(exchange)
        )
    return Trace(
        trace_id=own.trace_id, parent=parent, state=state, root=root, messages_event=messages_event
    )


def _messages(exchange: ExchangeTelemetry, options: TelemetryOptions) -> Attributes:
    if not options.messages_on_spans or exchange.messages is None:
        return {}
    return {**exchange.messages.by_attribute()}


def _repeat_trace(exchange: ExchangeTelemetry, delivery: DeliveryReport) -> Trace:
    """A trace of its own: the exchange's may be weeks old."""
    identity = f"{exchange.exchange_id} {delivery.accepted_ns}"
    root = Span(
        name="deliver again",
        kind="internal",
        span_id=trace_context.derived_id(identity, "delivery", 8),
        start_ns=_queued_ns(exchange, delivery),
        end_ns=delivery.accepted_ns,
        attributes=_delivery_attributes(exchange, delivery),
        links=(trace_context.span_of(exchange.exchange_id, exchange.trace_parent),),
    )
    trace_id = trace_context.derived_id(identity, "trace", 16)
    return Trace(trace_id=trace_id, parent=None, root=root)


def _phases(exchange: ExchangeTelemetry) -> tuple[Span, ...]:
    """The phases of the exchange's time, one after the other."""
    timings = exchange.timings
    headers_ms = timings.to_headers_ms
    if headers_ms is None:
        return ()
    spans = [_phase(exchange, "wait for headers", 0.0, headers_ms)]
    first_ms = exchange.to_first_token_ms or timings.to_first_chunk_ms
    last_ms = timings.to_last_chunk_ms
    if exchange.stream and first_ms is not None and last_ms is not None:
        # the envelope's times are exact, and that of the first token is rounded
        first_ms = min(max(first_ms, headers_ms), last_ms)
        spans.append(_phase(exchange, "wait for first token", headers_ms, first_ms))
        spans.append(_phase(exchange, "stream", first_ms, last_ms))
    return tuple(spans)


def _recording(exchange: ExchangeTelemetry, delivery: DeliveryReport) -> tuple[Span, ...]:
    """The spans after the exchange's end: no client waits for them."""
    end_ms, spans = exchange.timings.to_end_ms, []
    if exchange.recorded_ms is not None:
        spans.append(_phase(exchange, "record", end_ms, max(exchange.recorded_ms, end_ms)))
    deliver = Span(
        name="deliver",
        kind="internal",
        span_id=_span_id(exchange, "deliver"),
        start_ns=_queued_ns(exchange, delivery),
        end_ns=delivery.accepted_ns,
        attributes=_delivery_attributes(exchange, delivery),
    )
    return (*spans, deliver)


def _queued_ns(exchange: ExchangeTelemetry, delivery: DeliveryReport) -> int:
    """When the delivery began. The queue's own time has whole seconds, so the first one begins when
    the captures were stored.
    """
    if delivery.cause is DeliveryCause.RECORDING and exchange.recorded_ms is not None:
        queued_ns = _start_ns(exchange) + _ns(exchange.recorded_ms)
    else:
        queued_ns = max(delivery.queued_ns or delivery.accepted_ns, end_ns(exchange))
    return min(queued_ns, delivery.accepted_ns)


def _delivery_attributes(exchange: ExchangeTelemetry, delivery: DeliveryReport) -> Attributes:
    return {
        "fnsse.exchange.id": exchange.exchange_id,
        "fnsse.delivery.cause": str(delivery.cause),
    }


def _phase(exchange: ExchangeTelemetry, name: str, start_ms: float, end_ms: float) -> Span:
    start_ns = _start_ns(exchange)
    return Span(
        name=name,
        kind="internal",
        span_id=_span_id(exchange, name),
        start_ns=start_ns + _ns(start_ms),
        end_ns=start_ns + _ns(max(start_ms, end_ms)),
    )


def _span_id(exchange: ExchangeTelemetry, name: str) -> int:
    return trace_context.derived_id(exchange.exchange_id, name, 8)


def _name(exchange: ExchangeTelemetry) -> str:
    operation = spec_of(exchange.operation).gen_ai
    name = exchange.operation if operation is None else operation.operation_name
    return f"{name} {exchange.request_model}" if operation and exchange.request_model else name


def _attributes(exchange: ExchangeTelemetry, options: TelemetryOptions) -> Attributes:
    operation = spec_of(exchange.operation).gen_ai
    own: Attributes = {
        "fnsse.exchange.id": exchange.exchange_id,
        "fnsse.operation": exchange.operation,
        "fnsse.outcome": str(exchange.outcome),
        "fnsse.region": exchange.region,
        "fnsse.event.truncated": exchange.truncated,
    }
    return (
        gen_ai(exchange, exchange.request_model)
        | (_inference(exchange, operation) if operation is not None else {})
        | without_none(
            {
                "error.type": exchange.error_type,
                "http.request.method": exchange.method,
                "http.response.status_code": exchange.status_code,
                "http.request.resend_count": exchange.attempts - 1
                if exchange.attempts > 1
                else None,
            }
        )
        | server(options)
        | own
        | callers(exchange, options)
    )


def _inference(exchange: ExchangeTelemetry, operation: GenAiOperation) -> Attributes:
    request = exchange.parameters
    first_chunk_ms = exchange.timings.to_first_chunk_ms if exchange.stream else None
    dimensions = request.dimensions if operation.family is MetricFamily.EMBEDDINGS else None
    return without_none(
        {
            "gen_ai.output.type": operation.output_type,
            "gen_ai.request.stream": True if exchange.stream else None,
            "gen_ai.request.temperature": request.temperature,
            "gen_ai.request.top_p": request.top_p,
            "gen_ai.request.frequency_penalty": request.frequency_penalty,
            "gen_ai.request.presence_penalty": request.presence_penalty,
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.seed": request.seed,
            "gen_ai.request.choice.count": None
            if request.choice_count == 1
            else request.choice_count,
            "gen_ai.request.reasoning.level": request.reasoning_level,
            "gen_ai.embeddings.dimension.count": dimensions,
            "gen_ai.response.id": exchange.response_id,
            "gen_ai.response.finish_reasons": exchange.finish_reasons or None,
            "gen_ai.response.time_to_first_chunk": _seconds(first_chunk_ms),
            "openai.request.service_tier": request.service_tier,
            "openai.response.service_tier": exchange.service_tier,
            "openai.response.system_fingerprint": exchange.system_fingerprint,
        }
    ) | (_usage(exchange) if operation.family is not MetricFamily.OTHER else {})


def _usage(exchange: ExchangeTelemetry) -> Attributes:
    tokens = exchange.tokens
    if tokens is None or exchange.usage_repeated:
        return {}
    return without_none(
        {
            "gen_ai.usage.input_tokens": tokens.input,
            "gen_ai.usage.output_tokens": tokens.output,
            "gen_ai.usage.cache_read.input_tokens": tokens.cached,
            "gen_ai.usage.cache_write.input_tokens": tokens.cache_written,
            "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
            "gen_ai.usage.audio.input_tokens": tokens.audio_input,
            "gen_ai.usage.audio.output_tokens": tokens.audio_output,
        }
    )


def _start_ns(exchange: ExchangeTelemetry) -> int:
    since_epoch = datetime.fromisoformat(exchange.started_at) - _EPOCH
    return (
        (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds
    ) * 1000


def end_ns(exchange: ExchangeTelemetry) -> int:
    """The end of the exchange, unix time."""
    return _start_ns(exchange) + _ns(exchange.timings.to_end_ms)


def _ns(ms: float) -> int:
    return round(ms * _NS_PER_MS)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000
