"""The trace of an exchange."""

from __future__ import annotations

from collections.abc import Mapping

from shared.core.telemetry.trace_context import span_of
from shared.core.wire.json.json_shape import Json, mapping, text


def trace_id(event: Mapping[str, Json]) -> str:
    """The id that telemetry gives the exchange's trace, 32 hexadecimal digits, whether or not the
    app exports it.
    """
    traceparent = text(mapping(event.get("correlation")).get("traceparent"))
    return f"{span_of(text(event.get('exchange_id')), traceparent or None).trace_id:032x}"
