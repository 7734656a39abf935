"""The event: the record on the Event Hub. Envelope + captures -> event, without I/O and without a clock."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.core.capture import Capture
from shared.core.completion import Completion, read
from shared.core.envelope import Envelope
from shared.core.exchange import Outcome
from shared.core.tail import parse_object

SCHEMA_VERSION: Final = 1
UNKNOWN: Final = "unknown"

# The relay failed, or the upstream said 4xx/5xx. A client that left is no failure: its event keeps its type.
_FAILURES: Final = frozenset(Outcome) - {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event. The first ten keys are what consumers have always parsed: their names, types and meaning stay."""

    type: str  # completion | stream_completion | error
    content: str  # the answer's text (choice 0); "" where there is none
    usage: dict[str, Any] | None  # the upstream's object as it came
    model: str  # the model that answered; "unknown" if nothing said
    prompt: Any  # the request's messages; null where they could not be read
    region: str
    latency_ms: int  # of a stream: exactly time_to_first_chunk_ms + streaming_duration_ms
    time_to_first_chunk_ms: int | None  # of a stream; the key is absent otherwise
    streaming_duration_ms: int | None  # of a stream; the key is absent otherwise
    timestamp: str  # the exchange's end, UTC, ISO 8601 without offset, microseconds
    exchange_id: str  # the key for deduplication: delivery is at least once
    schema_version: int
    operation: str
    deployment: str | None
    api_version: str | None
    status_code: int | None  # what the client was answered; null: it left before
    outcome: str
    error: dict[str, Any] | None  # the upstream's error object, or the proxy's {code, message}
    truncated: bool  # texts were cut to fit the Event Hub's limit; the captures hold them whole
    request_capture: str | None
    response_capture: str | None


def build(envelope: Envelope, request: Capture | None, response: Capture | None, default_region: str | None) -> Event:
    """The event of an exchange; a capture that is None leaves its keys empty, and `error` says so where nothing else does."""
    asked = parse_object(request.body) if request else {}
    stream = asked.get("stream") is True if envelope.stream is None else envelope.stream
    headers = response.header.get("headers", {}) if response else {}
    completion = _completion(response, headers, stream=bool(envelope.stream))
    latency_ms, first_ms, streaming_ms = _durations(envelope, stream=stream)
    return Event(
        type=_type(envelope, stream=stream),
        content=completion.content,
        usage=completion.usage or envelope.usage,
        model=completion.model or UNKNOWN,
        prompt=_prompt(asked),
        region=headers.get("x-ms-region") or default_region or UNKNOWN,
        latency_ms=latency_ms,
        time_to_first_chunk_ms=first_ms,
        streaming_duration_ms=streaming_ms,
        timestamp=_end(envelope).isoformat(timespec="microseconds"),
        exchange_id=envelope.exchange_id,
        schema_version=SCHEMA_VERSION,
        operation=envelope.operation,
        deployment=envelope.deployment,
        api_version=envelope.api_version,
        status_code=envelope.status_code,
        outcome=envelope.outcome,
        error=_error(envelope, completion),
        truncated=False,
        request_capture=envelope.request_capture,
        response_capture=envelope.response_capture,
    )


def dump(event: Event) -> bytes:
    """The event as JSON in UTF-8; a key that a non-streaming event lacks is absent."""
    fields = asdict(event)
    if event.time_to_first_chunk_ms is None:
        del fields["time_to_first_chunk_ms"], fields["streaming_duration_ms"]
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")  # a lone surrogate is legal in JSON's escapes and not in UTF-8


def fit(event: Event, limit_bytes: int) -> bytes:
    """The event as JSON within the Event Hub's limit.

    Where it does not fit, the prompt gives way to its size first (it is the longer one, and not split without breaking it),
    then the content is cut.
    """
    data = dump(event)
    if len(data) <= limit_bytes:
        return data
    event = replace(event, truncated=True)
    prompt_bytes = len(json.dumps(event.prompt))
    if prompt_bytes > limit_bytes // 4:
        event = replace(event, prompt=f"[{prompt_bytes} bytes: see request_capture]")
    over = len(dump(event)) - limit_bytes
    while over > 0 and event.content:
        event = replace(event, content=event.content[: -(over + 64)] if over + 64 < len(event.content) else "")
        over = len(dump(event)) - limit_bytes
    return dump(event if over <= 0 else replace(event, error=None, usage=None))


def _completion(response: Capture | None, headers: dict[str, str], *, stream: bool) -> Completion:
    if response is None:
        return Completion()
    return read(response.body, stream=stream, content_encoding=headers.get("content-encoding", ""))


def _type(envelope: Envelope, *, stream: bool) -> str:
    if envelope.outcome in _FAILURES:
        return "error"
    return "stream_completion" if stream else "completion"


def _prompt(asked: dict[str, Any]) -> Any:
    return next((asked[key] for key in ("messages", "prompt", "input") if key in asked), None)


def _durations(envelope: Envelope, *, stream: bool) -> tuple[int, int | None, int | None]:
    """(latency, time to first chunk, streaming duration), ms. A stream that never began has waited all the time."""
    timings = envelope.timings
    if not stream:
        return round(timings.to_end_ms), None, None
    first_ms = round(timings.to_end_ms if timings.to_first_chunk_ms is None else timings.to_first_chunk_ms)
    last_ms = round(timings.to_last_chunk_ms) if timings.to_last_chunk_ms is not None else first_ms
    streaming_ms = max(last_ms - first_ms, 0)
    return first_ms + streaming_ms, first_ms, streaming_ms


def _end(envelope: Envelope) -> datetime:
    start = datetime.fromisoformat(envelope.started_at).replace(tzinfo=None)
    return start + timedelta(milliseconds=envelope.timings.to_end_ms)


def _error(envelope: Envelope, completion: Completion) -> dict[str, Any] | None:
    if completion.error is not None:
        return completion.error
    if envelope.failure is not None:
        return asdict(envelope.failure)
    if completion.problem is not None:
        return {"code": "unreadable_answer", "message": completion.problem}
    if envelope.response_capture is None and envelope.response_bytes:
        return {"code": "capture_missing", "message": "The answer's capture could not be stored; its content is not known."}
    return None
