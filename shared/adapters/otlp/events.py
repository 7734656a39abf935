"""Export of the events that hold prompt and answer, as log records by OTLP over HTTP."""

from __future__ import annotations

from typing import Final

from opentelemetry import trace as trace_api
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from shared.core.telemetry.conventions import SCHEMA_URL
from shared.core.telemetry.messages import EVENT_NAME, MessagesEvent

_SCOPE: Final = "fnsse"
# An event may take 64 KB and more: the SDK's own bounds hold 2,048 of them, and send 512 at once.
_MAX_WAITING: Final = 256
_MAX_IN_A_REQUEST: Final = 32


class OtlpEvents:
    """Exports events from a thread of the SDK's own."""

    def __init__(self, resource: Resource) -> None:
        self._provider = LoggerProvider(resource)
        self._provider.add_log_record_processor(
            BatchLogRecordProcessor(
                OTLPLogExporter(),
                max_queue_size=_MAX_WAITING,
                max_export_batch_size=_MAX_IN_A_REQUEST,
            )
        )
        self._logger = self._provider.get_logger(_SCOPE, schema_url=SCHEMA_URL)

    def export(self, trace_id: int, event: MessagesEvent) -> None:
        """Export the event of a trace's span."""
        span = SpanContext(
            trace_id, event.span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )
        self._logger.emit(
            timestamp=event.at_ns,
            context=trace_api.set_span_in_context(NonRecordingSpan(span)),
            attributes=event.attributes,
            event_name=EVENT_NAME,
        )

    def close(self) -> None:
        """Export the waiting events, once, and end the thread."""
        self._provider.shutdown()
