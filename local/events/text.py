"""An event for people: in a line, in its first keys, and whole in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from local.events.colour import Paint, of_outcome, plain
from local.events.feed import DeliveredEvent

_MAX_CHARACTERS: Final = 80  # a longer text is cut
# The keys that README's event has, in its order.
FIRST_KEYS: Final = (
    "type",
    "outcome",
    "status_code",
    "exchange_id",
    "operation",
    "deployment",
    "model",
    "prompt",
    "content",
    "usage",
    "latency_ms",
    "time_to_first_chunk_ms",
    "time_to_first_token_ms",
    "streaming_duration_ms",
    "region",
    "timestamp",
)


def abridge(event: DeliveredEvent) -> str:
    """The keys that matter first, as JSON on as many lines. Long texts end in "…"; the details of
    the usage are left out.
    """
    lines = [
        f"  {json.dumps(key)}: {json.dumps(_abridged_value(key, event[key]), ensure_ascii=False)}"
        for key in FIRST_KEYS
        if key in event
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


def _abridged_value(key: str, value: object) -> object:
    if key == "usage" and isinstance(value, dict):
        return {name: count for name, count in value.items() if not isinstance(count, dict)}
    return _with_short_texts(value)


def _with_short_texts(value: object) -> object:
    match value:
        case str() if len(value) > _MAX_CHARACTERS:
            return value[:_MAX_CHARACTERS].rstrip() + " …"
        case list():
            return [_with_short_texts(item) for item in value]
        case dict():
            return {name: _with_short_texts(member) for name, member in value.items()}
    return value


def save(event: DeliveredEvent, folder: Path) -> Path:
    """Write the whole event into a file of its own and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{event.get('exchange_id')}.json"
    file.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def summary(event: DeliveredEvent, paint: Paint = plain) -> str:
    """The event in a line: time, type, deployment, model, status, outcome, tokens, latency, id."""
    first = event.get("time_to_first_token_ms")
    return "  ".join(
        [
            str(event.get("timestamp", ""))[11:23],
            str(event.get("type")),
            f"{event.get('deployment') or '-'} ({event.get('model')})",
            paint(f"{event.get('status_code')} {event.get('outcome')}", of_outcome(event)),
            _tokens(event),
            f"{event.get('latency_ms')} ms"
            + (f" (first token {first} ms)" if first is not None else ""),
            str(event.get("exchange_id")),
        ]
    )


def _tokens(event: DeliveredEvent) -> str:
    if event.get("usage_source") == "estimated":
        estimate = event.get("usage_estimate") or {}
        return f"about {estimate.get('prompt_tokens', 0)}+{estimate.get('completion_tokens', 0)} tokens (estimated)"
    usage = event.get("usage") or {}
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens"))
    return "no usage" if read is None and written is None else f"{read or 0}+{written or 0} tokens"
