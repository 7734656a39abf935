"""Envelopes and captures for tests of the event."""

from __future__ import annotations

import json
from typing import Any

from harness.schema import valid
from shared.core.event import builder, truncation
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Caller, Envelope, Timings
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.outcome import Outcome

LARGE = 10_000_000  # no event here is that large


def envelope(**fields: Any) -> Envelope:
    """The envelope of a completed chat completion stream, with `fields` replaced."""
    usual: dict[str, Any] = {
        "exchange_id": new_exchange_id(1_763_908_200_000, bytes(10)),
        "operation": "chat.completions",
        "deployment": "gpt-4o",
        "api_version": "2024-10-21",
        "stream": True,
        "started_at": "2025-11-23T14:30:00.000000+00:00",
        "status_code": 200,
        "upstream_status_code": 200,
        "outcome": Outcome.COMPLETED,
        "failure": None,
        "timings": Timings(
            to_headers_ms=10.0, to_first_chunk_ms=20.0, to_last_chunk_ms=99.4, to_end_ms=100.0
        ),
        "arrivals": (),
        "chunk_count": 0,
        "usage": None,
        "usage_source": "none",
        "usage_requested": False,
        "request_bytes": 0,
        "response_bytes": 0,
        "sent_bytes": LARGE,
        "request_capture": "a.request",
        "response_capture": "a.response",
        "caller": Caller(),
        "trace_parent": None,
    }
    return Envelope(**usual | fields)


def asking(request: Any, content_type: str = "application/json") -> Capture:
    """The capture of a request; a dict is sent as JSON."""
    return Capture(header={"headers": {"content-type": content_type}}, body=_bytes(request))


def answering(response: Any, content_type: str = "application/json", **headers: str) -> Capture:
    """The capture of a response; a dict is sent as JSON, a list as the chunks of a stream."""
    if isinstance(response, list):
        content_type = "text/event-stream"
        response = (
            b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in response)
            + b"data: [DONE]\n\n"
        )
    return Capture(
        header={"headers": {"content-type": content_type} | headers}, body=_bytes(response)
    )


def delta(text: str, **more: Any) -> dict[str, Any]:
    """A chunk of a chat completion."""
    return {
        "id": "chatcmpl-1",
        "model": "gpt-4o",
        "choices": [{"index": 0, "delta": {"content": text}}],
    } | more


def event_of(
    message: Envelope, request: Capture | None, response: Capture | None, limit_bytes: int = LARGE
) -> dict[str, Any]:
    """The event as its consumers parse it, validated."""
    fitted = truncation.truncate(
        builder.build(message, request, response, "Sweden Central"), limit_bytes
    )
    assert len(fitted) <= limit_bytes
    return valid(json.loads(fitted))


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
