"""The end of a response says whether it is complete, and its usage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.json.json_shape import MAX_DEPTH, JsonObject, parse_object
from shared.core.wire.operations import CALL, spec_of
from shared.core.wire.stream.stream_scan import scan
from shared.core.wire.stream.tail import MAX_USAGE_BYTES, TAIL_BYTES, Tail, tail_of_json, usage_of
from tests.unit.core.strategies import json_values

CHAT = spec_of("chat.completions")
USAGE: JsonObject = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (json.dumps({"usage": USAGE}).encode(), USAGE),
        (b"{}", None),
        (b"not json", None),
        (json.dumps({"usage": USAGE, "padding": "x" * TAIL_BYTES}).encode(), None),
    ],
)
def test_a_json_body_that_arrived_whole_is_finished(body: bytes, usage: object) -> None:
    assert tail_of_json(body, CHAT) == Tail(finished=True, usage=usage)  # type: ignore[arg-type]


def test_a_usage_that_is_too_large_is_left_out() -> None:
    """Enrichment reads it from the capture."""
    large = {"note": "x" * MAX_USAGE_BYTES}
    assert tail_of_json(json.dumps({"usage": large}).encode(), CHAT).usage is None
    chunk = json.dumps({"choices": [], "usage": large}).encode()
    assert scan(b"data: " + chunk + b"\n\ndata: [DONE]\n\n") == Tail(finished=True, usage=None)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_json_of_any_shape_never_raises(body: bytes) -> None:
    tail_of_json(body, CHAT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ("[1]", {}),
        ("null", {}),
        ("", {}),
        ("{", {}),
        (b"\xff", {}),
        (
            '{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1.5}',
            {"a": None, "b": None, "c": None, "d": 1.5},
        ),
        ('{"a": ' + "9" * 5000 + "}", {"a": None}),
        ('{"a": ' + "[" * 100_000, {}),
        ('{"a": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", {}),
    ],
)
def test_an_object_is_read_and_anything_else_is_empty(text: str | bytes, value: object) -> None:
    assert parse_object(text) == value


def test_what_is_nested_as_deep_as_real_bodies_is_read() -> None:
    depth = MAX_DEPTH - 2
    assert parse_object('{"a": ' + "[" * depth + "0" * 1 + "]" * depth + "}")


@pytest.mark.parametrize(
    ("chunk", "usage"),
    [
        ({"usage": USAGE}, USAGE),
        ({"usage": None}, None),
        ({"usage": [1]}, None),
        ({"response": {"usage": USAGE}}, USAGE),
        ({"response": {"usage": None}}, None),
        ({"response": "text"}, None),
        ({}, None),
    ],
)
def test_usage_stands_in_the_chunk_or_in_the_response_within(
    chunk: dict[str, Any], usage: object
) -> None:
    assert usage_of(chunk) == usage


def test_a_read_object_says_nothing_of_the_call() -> None:
    """Its usage and its error are the object's. A poll of a batch, a job or a run says nothing of
    the call.
    """
    for body in (
        {"object": "batch", "usage": USAGE},
        {"object": "fine_tuning.job", "status": "failed", "error": {"code": "c", "message": "m"}},
    ):
        assert tail_of_json(json.dumps(body).encode(), CALL) == Tail(finished=True, usage=None)


@pytest.mark.parametrize("body", [{"error": {"code": None}}, {"code": 0, "message": "ok"}])
def test_a_success_may_have_members_of_an_error(body: JsonObject) -> None:
    assert not tail_of_json(json.dumps(body).encode(), CHAT).failed
