"""An event for people: in a line, in a dozen keys, and whole in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from local.colour import Paint, of_outcome, plain
from local.event_feed import Event

_SHOWN_CHARACTERS: Final = 80  # of a text
# What one looks for first, in the order in which one asks.
_FIRST_KEYS: Final = (
    "type",
    "outcome",
    "status_code",
    "exchange_id",
    "deployment",
    "model",
    "prompt",
    "content",
    "tokens",
    "time_to_first_chunk_ms",
    "latency_ms",
    "region",
    "timestamp",
)


def abridged(event: Event) -> str:
    """The dozen keys that matter first, as JSON on as many lines. Long values end in "…"."""
    lines = [
        f"  {json.dumps(key)}: {_as_json(_first_value(key, event[key]))}"
        for key in _FIRST_KEYS
        if key in event
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


def _first_value(key: str, value: object) -> object:
    if key == "prompt" and isinstance(value, list) and value:
        return value[-1]  # the last message, which is the question
    if key == "tokens" and isinstance(value, dict):
        return {name: count for name, count in value.items() if count}
    return value


def _as_json(value: object) -> str:
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        value = value[:_SHOWN_CHARACTERS].rstrip() + " …"
    return json.dumps(value, ensure_ascii=False)


def save(event: Event, folder: Path) -> Path:
    """Write the whole event into a file of its own and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{event.get('exchange_id')}.json"
    file.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def summary(event: Event, paint: Paint = plain) -> str:
    """The event in a line: time, type, deployment, model, status, outcome, tokens, latency, id."""
    first = event.get("time_to_first_chunk_ms")
    return "  ".join(
        [
            str(event.get("timestamp", ""))[11:23],
            str(event.get("type")),
            f"{event.get('deployment') or '-'} ({event.get('model')})",
            paint(f"{event.get('status_code')} {event.get('outcome')}", of_outcome(event)),
            _tokens(event),
            f"{event.get('latency_ms')} ms"
            + (f" (first chunk {first} ms)" if first is not None else ""),
            str(event.get("exchange_id")),
        ]
    )


def _tokens(event: Event) -> str:
    if event.get("usage_source") == "estimated":
        estimate = event.get("usage_estimate") or {}
        return f"about {estimate.get('prompt_tokens', 0)}+{estimate.get('completion_tokens', 0)} tokens (estimated)"
    usage = event.get("usage") or {}
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens"))
    return "no usage" if read is None and written is None else f"{read or 0}+{written or 0} tokens"
