"""A case's spans and metrics as text, for `telemetry.txt` of each case."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from shared.core.telemetry import metrics, spans
from shared.core.telemetry.attributes import TelemetryOptions
from shared.core.telemetry.conventions import AttributeValue
from shared.core.telemetry.exchange_telemetry import (
    DeliveryCause,
    DeliveryReport,
    ExchangeTelemetry,
    telemetry_of,
)
from shared.core.telemetry.metrics import MetricPoint
from shared.core.telemetry.spans import Span
from shared.settings.settings import TelemetrySettings
from tests.golden import GoldenCase, event_of

OPTIONS: Final = TelemetryOptions(
    server_address="contoso.openai.azure.com",
    server_port=443,
    caller_members=frozenset({"subscription", "team"}),
)
SETTINGS: Final = TelemetrySettings(
    traces=True,
    metrics=True,
    messages_on_spans=False,
    messages_in_events=False,
    sampler_chosen=False,
    caller_members=frozenset(),
    old_names=False,
)
_LAG_NS: Final = 1_500_000_000
# Every case has these, and they would be half of each line.
_LEFT_OUT: Final = frozenset(
    {"gen_ai.provider.name", "server.address", "server.port", "fnsse.exchange.id"}
)


def exchange_of(case: GoldenCase, *, with_messages: bool = False) -> ExchangeTelemetry:
    """The exchange of a case as telemetry reports it."""
    event = event_of(case)
    envelope = replace(case.envelope, recorded_ms=case.envelope.timings.to_end_ms + 20)
    return telemetry_of(event, envelope, truncated=False, with_messages=with_messages)


def first_delivery(exchange: ExchangeTelemetry) -> DeliveryReport:
    """It is accepted one and a half seconds after the exchange's end."""
    accepted_ns = spans.end_ns(exchange) + _LAG_NS
    return DeliveryReport(
        cause=DeliveryCause.RECORDING, queued_ns=None, accepted_ns=accepted_ns, first=True
    )


def render(exchange: ExchangeTelemetry, delivery: DeliveryReport) -> str:
    """The spans, indented below their parents, and the points of metrics."""
    trace = spans.trace_of(exchange, delivery, OPTIONS)
    points = metrics.points_of(exchange, delivery, OPTIONS)
    lines = [
        *_span_lines(trace.root, trace.root.start_ns, ""),
        "",
        *_count_repeats(map(_point_line, points)),
    ]
    return "\n".join(lines) + "\n"


def _span_lines(span: Span, zero_ns: int, indent: str) -> Iterator[str]:
    start_ms, end_ms = ((at - zero_ns) / 1e6 for at in (span.start_ns, span.end_ns))
    error = f" error {span.error_type}" if span.error_type else ""
    yield f"{indent}{span.name} ({span.kind}) {start_ms:g} to {end_ms:g} ms{error}"
    for pair in _pairs(span.attributes):
        yield f"{indent}  . {pair}"
    for child in span.children:
        yield from _span_lines(child, zero_ns, f"{indent}    ")


def _point_line(point: MetricPoint) -> str:
    return f"{point.instrument.name} {point.value:g} {{{', '.join(_pairs(point.attributes))}}}"


def _count_repeats(lines: Iterable[str]) -> Iterator[str]:
    """Equal lines that follow each other become one."""
    for line, equal in itertools.groupby(lines):
        count = len(list(equal))
        yield f"{count} x {line}" if count > 1 else line


def _pairs(attributes: Mapping[str, AttributeValue]) -> list[str]:
    return [
        f"{name}={value}" for name, value in sorted(attributes.items()) if name not in _LEFT_OUT
    ]
