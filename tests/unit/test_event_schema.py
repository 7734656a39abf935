"""The published schema of the event."""

from __future__ import annotations

import json

from harness.schema import valid
from local import event_schema

REFERENCE = event_schema.PATH.parent / "reference"


def test_the_checked_in_schema_is_the_one_that_the_types_give() -> None:
    """`make schema` writes it again."""
    assert event_schema.PATH.read_text("utf-8") == event_schema.text()


def test_every_key_of_the_schema_is_described() -> None:
    """A type's own description stands for a key that only refers to it."""
    schema = json.loads(event_schema.text())
    undescribed = [
        name
        for name, description in schema["properties"].items()
        if "description" not in description
        and "$ref" not in description
        and "$ref" not in str(description.get("anyOf", ""))
    ]
    assert undescribed == []


def test_the_keys_of_the_contract_keep_their_types() -> None:
    """The contract's ten keys; the two timings are there for streams alone."""
    properties = event_schema.schema()["properties"]
    types = {name: properties[name].get("type") for name in list(properties)[:10]}
    assert types == {
        "type": None,  # an enumeration
        "content": "string",
        "usage": ["object", "null"],
        "model": "string",
        "prompt": None,  # whatever the request holds
        "region": "string",
        "latency_ms": "integer",
        "time_to_first_chunk_ms": "integer",
        "streaming_duration_ms": "integer",
        "timestamp": "string",
    }
    assert {"time_to_first_chunk_ms", "streaming_duration_ms"}.isdisjoint(
        event_schema.schema()["required"]
    )


def test_docs_explain_every_key() -> None:
    """docs/reference/events.md names each key of the event and of a choice."""
    page = (REFERENCE / "events.md").read_text("utf-8")
    schema = event_schema.schema()
    keys = [*schema["properties"], *schema["$defs"]["Choice"]["properties"]]
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_the_example_in_the_docs_is_a_valid_event() -> None:
    """It stands in docs/reference/event-examples.md."""
    page = (REFERENCE / "event-examples.md").read_text("utf-8")
    example = page.partition("## A whole event\n")[2]
    valid(json.loads(example.partition("```json\n")[2].partition("```")[0]))
