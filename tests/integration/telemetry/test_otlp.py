"""Spans and metrics as a collector receives them, and collectors that misbehave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.otlp_receiver import OtlpReceiver, ReceivedSpan, otlp_receiver
from shared.adapters.otlp.export import OtlpExport
from shared.core.telemetry import metrics, spans
from shared.core.telemetry.attributes import TelemetryOptions
from shared.core.telemetry.conventions import QUEUE_MESSAGES, SCHEMA_URL
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry
from shared.core.telemetry.metrics import MetricPoint
from shared.core.telemetry.spans import Span
from tests.golden import load, names
from tests.golden.telemetry_text import OPTIONS, SETTINGS, exchange_of, first_delivery

IN_EVENTS = replace(OPTIONS, messages_in_events=True)
ON_SPANS = replace(OPTIONS, messages_on_spans=True)
OLD_NAMES = replace(OPTIONS, old_names=True)
# What chat_stream has under the names that nothing else is reported by.
OLD_FIGURES = {
    "gen_ai.client.token.usage": {("chat", "input"): (12, 1), ("chat", "output"): (5, 1)},
    "gen_ai.client.operation.time_to_first_chunk": {("chat", None): (0.3, 1)},
    "gen_ai.client.operation.time_per_output_chunk": {("chat", None): (0.14, 7)},
}
_KINDS = {"internal": 1, "client": 3}  # SpanKind of opentelemetry/proto/trace/v1/trace.proto


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpReceiver]:
    with otlp_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k-1")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        yield receiver


def export(*exchanges: ExchangeTelemetry, options: TelemetryOptions = OPTIONS) -> None:
    """Export what a first delivery of each of these gives, and close."""
    exporter = OtlpExport(SETTINGS)
    for exchange in exchanges:
        delivery = first_delivery(exchange)
        exporter.export(spans.trace_of(exchange, delivery, options))
        for point in metrics.points_of(exchange, delivery, options):
            exporter.add(point)
    exporter.close()


def flat(span: Span) -> Iterator[Span]:
    yield span
    for child in span.children:
        yield from flat(child)


def test_spans_of_every_golden_exchange(collector: OtlpReceiver) -> None:
    """A collector receives them. Each with its own ids, times, attributes, status and parent."""
    for name in names():
        exchange = exchange_of(load(name))
        collector.spans.clear()
        export(exchange)
        trace = spans.trace_of(exchange, first_delivery(exchange), OPTIONS)
        received = {span.span_id: span for span in collector.spans}
        expected = {f"{span.span_id:016x}": span for span in flat(trace.root)}
        assert received.keys() == expected.keys()
        root_id = f"{trace.root.span_id:016x}"
        assert {span.trace_id for span in collector.spans} == {f"{trace.trace_id:032x}"}
        assert {span.parent_id for span in collector.spans if span.span_id != root_id} <= {root_id}
        caller = trace.parent
        assert received[root_id].parent_id == (f"{caller.span.span_id:016x}" if caller else "")
        for span_id, span in expected.items():
            assert _as_sent(received[span_id]) == (
                span.name,
                _KINDS[span.kind],
                span.start_ns,
                span.end_ns,
                span.attributes,
                span.error_type or "",
            )


def _as_sent(span: ReceivedSpan) -> tuple[object, ...]:
    return span.name, span.kind, span.start_ns, span.end_ns, span.attributes, span.status


def test_the_callers_trace_goes_on_with_its_tracestate(collector: OtlpReceiver) -> None:
    """Only if the caller reports its own span; otherwise the exchange begins the trace."""
    caller = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    exchange = replace(exchange_of(load("chat_stream")), trace_state="a=1,b=2")
    for flags, parent_id, state in (("01", caller[33:], "a=1,b=2"), ("00", "", "")):
        collector.spans.clear()
        export(replace(exchange, trace_parent=f"00-{caller}-{flags}"))
        root = collector.span("chat gpt-4o")
        assert (root.trace_id, root.parent_id) == (caller[:32], parent_id)
        assert root.trace_state == state


def test_metrics_of_golden_exchanges(collector: OtlpReceiver) -> None:
    """A collector receives them. Counters add up, histograms count."""
    stream = exchange_of(load("chat_stream"))
    export(stream, stream, exchange_of(load("chat_429")))
    (exchanges,) = [p for p in collector.metrics["fnsse.exchanges"] if p.value == 2]
    assert exchanges.attributes["fnsse.outcome"] == "completed"
    tokens = collector.metrics["gen_ai.client.inference.usage.input_tokens"]
    assert {(p.attributes["gen_ai.request.model"], p.value) for p in tokens} == {
        ("gpt-4o", 24),
        ("gpt-4o", 0),  # the call that failed names no model that answered
    }
    durations = collector.metrics["gen_ai.client.inference.duration"]
    assert sum(point.count or 0 for point in durations) == 3
    assert collector.schema_urls == {SCHEMA_URL}


def test_a_collector_receives_the_old_names_of_metrics(collector: OtlpReceiver) -> None:
    """They come beside the new ones, and only if the operator wants them. The read of a response is
    not an inference: its duration has had the same name all along.
    """
    exchanges = exchange_of(load("chat_stream")), exchange_of(load("responses_get"))
    export(*exchanges)
    new = {name: figures(collector, name) for name in collector.metrics}
    assert new["gen_ai.client.operation.duration"] == {("fetch_response", None): (0.3015, 1)}
    assert not new.keys() & OLD_FIGURES.keys()
    collector.metrics.clear()
    export(*exchanges, options=OLD_NAMES)
    found = {name: figures(collector, name) for name in collector.metrics}
    durations = {("chat", None): (0.4415, 1), ("fetch_response", None): (0.3015, 1)}
    assert found == new | OLD_FIGURES | {"gen_ai.client.operation.duration": durations}


def figures(
    collector: OtlpReceiver, name: str
) -> dict[tuple[object, object], tuple[float, int | None]]:
    """Operation and type of the tokens -> sum and count, of a metric that was received."""
    return {
        (
            point.attributes.get("gen_ai.operation.name"),
            point.attributes.get("gen_ai.token.type"),
        ): (round(point.value, 6), point.count)
        for point in collector.metrics[name]
        if point.attributes.get("gen_ai.operation.name")
    }


def test_prompt_and_answer_are_a_spans_event(collector: OtlpReceiver) -> None:
    """The event has its attributes and its time; the messages are structured values, not texts."""
    exchange = exchange_of(load("chat_stream_tool_calls"), with_messages=True)
    trace = spans.trace_of(exchange, first_delivery(exchange), IN_EVENTS)
    exporter = OtlpExport(replace(SETTINGS, messages_in_events=True))
    exporter.export(trace)
    exporter.close()
    (event,) = collector.logs
    root = collector.span("chat gpt-4o")
    assert (event["trace_id"], event["span_id"]) == (root.trace_id, root.span_id)
    assert event["event_name"] == "gen_ai.client.inference.operation.details"
    assert event["time_ns"] == root.end_ns
    assert collector.schema_urls == {SCHEMA_URL}
    attributes = event["attributes"]
    assert {name: attributes[name] for name in root.attributes} == root.attributes
    (answer,) = attributes["gen_ai.output.messages"]
    assert answer["parts"][0] == {
        "type": "tool_call",
        "id": "call_a",
        "name": "get_weather",
        "arguments": {"city": "Αθήνα"},
    }
    assert not {name for name in root.attributes if name.endswith("messages")}


def test_prompt_and_answer_are_json_on_the_span(collector: OtlpReceiver) -> None:
    """Some tools read spans alone."""
    exchange = exchange_of(load("responses"), with_messages=True)
    trace = spans.trace_of(exchange, first_delivery(exchange), ON_SPANS)
    exporter = OtlpExport(replace(SETTINGS, messages_on_spans=True))
    exporter.export(trace)
    exporter.close()
    attributes = collector.span(trace.root.name).attributes
    assert json.loads(attributes["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief."}
    ]
    assert json.loads(attributes["gen_ai.input.messages"])[0]["role"] == "user"
    assert json.loads(attributes["gen_ai.output.messages"])[0]["role"] == "assistant"
    assert collector.logs == []


def test_no_text_is_exported_unless_it_is_wanted(collector: OtlpReceiver) -> None:
    for name in names():
        export(exchange_of(load(name)))
    assert collector.logs == []
    assert not any("messages" in name for span in collector.spans for name in span.attributes)


def test_a_collector_receives_gauges(collector: OtlpReceiver) -> None:
    """The last value counts."""
    exporter = OtlpExport(SETTINGS)
    for length in (9, 4):
        exporter.add(MetricPoint(instrument=QUEUE_MESSAGES, value=length, attributes={}))
    exporter.close()
    (point,) = collector.metrics["fnsse.queue.messages"]
    assert point.value == 4


def test_resource_and_headers_are_the_standard_settings(collector: OtlpReceiver) -> None:
    """OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES; the service is fnsse by default."""
    export(exchange_of(load("chat")))
    assert collector.resource["service.name"] == "fnsse"
    assert collector.resource["deployment.environment.name"] == "test"
    assert {headers["api-key"] for headers in collector.headers} == {"k-1"}
