"""The event's contract, as far as the end-to-end tests check it of every event that any of them causes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

type Event = Mapping[str, Any]

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "type": (str,),
    "content": (str,),
    "usage": (dict, type(None)),
    "model": (str,),
    "region": (str,),
    "latency_ms": (int,),
    "timestamp": (str,),
    "exchange_id": (str,),
    "schema_version": (int,),
    "operation": (str,),
    "deployment": (str, type(None)),
    "api_version": (str, type(None)),
    "status_code": (int, type(None)),
    "outcome": (str,),
    "error": (dict, type(None)),
}
_TYPES: Final = {"completion", "stream_completion", "embedding", "image", "audio", "call", "error"}
_OUTCOMES: Final = {
    "completed",
    "client_disconnected",
    "upstream_error",
    "upstream_interrupted",
    "timed_out",
    "rejected",
    "aborted",
}
_STREAM_KEYS: Final = {"time_to_first_chunk_ms", "streaming_duration_ms"}
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


def check(event: Event) -> None:
    """Fails where an event breaks the contract."""
    for key, kinds in _KINDS.items():
        assert key in event, f"{key} is missing"
        assert type(event[key]) in kinds, f"{key} is {event[key]!r}"
    assert "prompt" in event
    assert event["type"] in _TYPES
    assert event["outcome"] in _OUTCOMES
    assert _TIMESTAMP.fullmatch(event["timestamp"]), event["timestamp"]
    streamed = _STREAM_KEYS & event.keys()
    assert streamed in (set(), _STREAM_KEYS)
    assert streamed or event["type"] != "stream_completion"
    if streamed:
        assert event["latency_ms"] == event["time_to_first_chunk_ms"] + event["streaming_duration_ms"]
