"""A collector's OTLP/HTTP receiver: it parses the protobuf of what it gets and keeps it."""

from __future__ import annotations

import contextlib
import gzip
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_MESSAGES: Final[dict[str, Any]] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """A span as it arrived."""

    name: str
    kind: int
    trace_id: str  # hexadecimal, as are the others
    span_id: str
    parent_id: str  # "" for none
    trace_state: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    status: str
    links: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class ReceivedPoint:
    """A sum, or the sum of a histogram, as last reported."""

    value: float
    count: int | None  # of a histogram
    attributes: dict[str, Any]


@dataclass
class OtlpReceiver:
    """The spans, metrics and logs that a collector has received."""

    port: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    metrics: dict[str, list[ReceivedPoint]] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    schema_urls: set[str] = field(default_factory=set)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def span(self, name: str) -> ReceivedSpan:
        """The only span of that name."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def take(self, path: str, body: bytes) -> None:
        """Store the content of a request."""
        message = _MESSAGES[path]()
        message.ParseFromString(body)
        {"/v1/traces": self._traces, "/v1/metrics": self._metrics, "/v1/logs": self._logs}[path](
            message
        )

    def _traces(self, message: Any) -> None:
        for resource in message.resource_spans:
            self.resource = _pairs(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.schema_urls.add(scope.schema_url)
                self.spans += map(_span, scope.spans)

    def _metrics(self, message: Any) -> None:
        for resource in message.resource_metrics:
            for scope in resource.scope_metrics:
                self.schema_urls.add(scope.schema_url)
                for metric in scope.metrics:
                    self.metrics[metric.name] = [
                        _point(point)
                        for point in getattr(metric, metric.WhichOneof("data")).data_points
                    ]

    def _logs(self, message: Any) -> None:
        for resource in message.resource_logs:
            for scope in resource.scope_logs:
                self.schema_urls.add(scope.schema_url)
                for record in scope.log_records:
                    self.logs.append(
                        {
                            "event_name": record.event_name,
                            "time_ns": record.time_unix_nano,
                            "trace_id": record.trace_id.hex(),
                            "span_id": record.span_id.hex(),
                            "attributes": _pairs(record.attributes),
                        }
                    )


def _span(span: Any) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        trace_state=span.trace_state,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_pairs(span.attributes),
        status=span.status.message if span.status.code == 2 else "",
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _point(point: Any) -> ReceivedPoint:
    is_histogram = hasattr(point, "bucket_counts")
    value = point.sum if is_histogram else point.as_int or point.as_double
    return ReceivedPoint(
        value=value,
        count=point.count if is_histogram else None,
        attributes=_pairs(point.attributes),
    )


def _pairs(attributes: list[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind) if kind else None


class _ReceiverServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the error, unless the exporter's process was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    """A receiver on a free port of this machine."""

    class OtlpHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.headers.append(dict(self.headers.items()))
            receiver.take(self.path, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = _ReceiverServer(("127.0.0.1", 0), OtlpHandler)
    receiver = OtlpReceiver(port=server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
