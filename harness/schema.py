"""Validates events against the published schema, and by rules that a schema cannot express."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import jsonschema

from local.event_schema import PATH


def valid[T: Mapping[str, Any]](event: T) -> T:
    """The event. Raises if it breaks its contract, or holds a key that
    docs/event.schema.json does not know.
    """
    _validator().validate(event)
    if "time_to_first_chunk_ms" in event:
        assert (
            event["latency_ms"] == event["time_to_first_chunk_ms"] + event["streaming_duration_ms"]
        )
    assert (
        ("time_to_first_chunk_ms" in event) == event["stream"] == ("streaming_duration_ms" in event)
    )
    assert (event["usage"] is not None) == (event["usage_source"] == "upstream")
    assert (event["usage_estimate"] is not None) == (event["usage_source"] == "estimated")
    assert event["truncated"] == bool(event["truncated_texts"])
    return event


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(PATH.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(_close(schema))


def _close(schema: Any) -> Any:
    """The schema with closed objects: the published one allows future keys, a test must not see
    any.
    """
    if isinstance(schema, list):
        return [_close(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _close(inner) for key, inner in schema.items()}
    return (
        closed | {"additionalProperties": False}
        if "properties" in schema and "required" in schema
        else closed
    )
