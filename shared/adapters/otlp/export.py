"""Export to a collector by OTLP over HTTP, with OpenTelemetry's SDK.

It is imported only if telemetry is switched on: that takes about 100 ms. The SDK reads the rest of
its standard settings (OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES, …) itself. It exports
from threads of its own, from a bounded queue, so a collector that is silent or down delays nobody.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from opentelemetry import trace as trace_api
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from shared.core.telemetry.conventions import INSTRUMENTS, SCHEMA_URL, Instrument
from shared.core.telemetry.metrics import MetricPoint
from shared.core.telemetry.spans import Span, Trace
from shared.core.telemetry.trace_context import SpanRef
from shared.settings.settings import TelemetrySettings

if TYPE_CHECKING:
    from shared.adapters.otlp.events import OtlpEvents

_SCOPE: Final = "fnsse"
_KINDS: Final = {"client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}


class OtlpExport:
    """Exports traces and points of metrics, as a CollectorExport."""

    def __init__(self, settings: TelemetrySettings) -> None:
        resource = _resource()
        self._traces = _Traces(settings, resource) if settings.traces else None
        self._metrics = _Metrics(resource) if settings.metrics else None
        self._events = _events(resource) if settings.messages_in_events else None

    def export(self, trace: Trace) -> None:
        if self._traces is not None:
            self._traces.export(trace)
        if self._events is not None and trace.messages_event is not None:
            self._events.export(trace.trace_id, trace.messages_event)

    def add(self, point: MetricPoint) -> None:
        if self._metrics is not None:
            self._metrics.add(point)

    def close(self) -> None:
        """Export the waiting points and spans, once, and end the threads."""
        for part in (self._traces, self._metrics, self._events):
            if part is not None:
                part.close()


def _events(resource: Resource) -> OtlpEvents:
    from shared.adapters.otlp.events import OtlpEvents  # 7 ms, and needed by few

    return OtlpEvents(resource)


def _resource() -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first. Each worker process is an instance
    of its own, because each counts for itself.
    """
    named = Resource.create({"service.instance.id": str(uuid.uuid4())})
    unnamed = str(named.attributes["service.name"]).startswith("unknown_service")
    return named.merge(Resource({"service.name": _SCOPE})) if unnamed else named


class _Traces:
    def __init__(self, settings: TelemetrySettings, resource: Resource) -> None:
        self._ids = _PresetIds()
        # The host adds a traceparent that asks for no sample to each request without one, so the
        # caller's flag says nothing. OTEL_TRACES_SAMPLER decides if it is set.
        sampler = None if settings.sampler_chosen else ALWAYS_ON
        self._provider = TracerProvider(sampler, resource, id_generator=self._ids)
        self._provider.add_span_processor(_span_processor(settings))
        self._tracer = self._provider.get_tracer(_SCOPE, None, SCHEMA_URL)

    def export(self, trace: Trace) -> None:
        parent = trace.parent
        self._ids.trace_id = trace.trace_id
        # a caller that is not sampled does not report its span: this one is the first of the trace
        caller = parent.span if parent is not None and parent.sampled else None
        context = trace_api.set_span_in_context(
            trace_api.NonRecordingSpan(_context(caller, trace.state))
            if caller
            else trace_api.INVALID_SPAN
        )
        self._export(trace.root, context)

    def _export(self, span: Span, parent: object) -> None:
        self._ids.span_id = span.span_id
        started = self._tracer.start_span(
            span.name,
            context=parent,  # type: ignore[arg-type]
            kind=_KINDS[span.kind],
            attributes=span.attributes,
            links=[Link(_context(ref)) for ref in span.links],
            start_time=span.start_ns,
        )
        if span.error_type is not None:
            started.set_status(Status(StatusCode.ERROR, span.error_type))
        inner = trace_api.set_span_in_context(started)
        for child in span.children:
            self._export(child, inner)
        started.end(span.end_ns)

    def close(self) -> None:
        self._provider.shutdown()


def _span_processor(settings: TelemetrySettings) -> BatchSpanProcessor:
    if not settings.messages_on_spans:
        return BatchSpanProcessor(OTLPSpanExporter())
    # one span in six has messages, of 64 KB and more
    return BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=1024, max_export_batch_size=128)


class _PresetIds(IdGenerator):
    """The ids of the next span, which follow from its exchange."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Metrics:
    def __init__(self, resource: Resource) -> None:
        reader: MetricReader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self._provider = MeterProvider([reader], resource)
        meter = self._provider.get_meter(_SCOPE, None, SCHEMA_URL)
        self._instruments = {
            instrument.name: _create(meter, instrument) for instrument in INSTRUMENTS
        }

    def add(self, point: MetricPoint) -> None:
        instrument = self._instruments[point.instrument.name]
        match instrument:
            case Counter():
                instrument.add(point.value, point.attributes)
            case Histogram():
                instrument.record(point.value, point.attributes)
            case Gauge():
                instrument.set(point.value, point.attributes)

    def close(self) -> None:
        self._provider.shutdown()


def _create(meter: Meter, instrument: Instrument) -> Counter | Histogram | Gauge:
    name, unit, description = instrument.name, instrument.unit, instrument.description
    if instrument.kind == "counter":
        return meter.create_counter(name, unit, description)
    if instrument.kind == "gauge":
        return meter.create_gauge(name, unit, description)
    return meter.create_histogram(
        name, unit, description, explicit_bucket_boundaries_advisory=instrument.buckets
    )


def _context(ref: SpanRef, state: str | None = None) -> SpanContext:
    return SpanContext(
        ref.trace_id,
        ref.span_id,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState.from_header([state] if state else []),
    )
