"""An error is recognized alike by the relay's reading and by enrichment's."""

from __future__ import annotations

import pytest
from hypothesis import given

from shared.core.wire.json.json_shape import Json, JsonObject
from shared.core.wire.json.reported_error import error_of
from shared.core.wire.stream.stream_end import reports_error
from tests.unit.core.strategies import json_values

VECTORS: Json = [{"index": 0, "embedding": [0.1, 0.2]}]


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": {"code": "x", "message": "m"}}, {"code": "x", "message": "m"}),
        ({"error": "overloaded"}, {"message": "overloaded"}),
        ({"error": True, "message": "m"}, {"error": True, "message": "m"}),
        (
            {"type": "error", "message": "m", "sequence_number": 3},
            {"type": "error", "message": "m"},
        ),
        ({"object": "error", "message": "m"}, {"object": "error", "message": "m"}),
        ({"type": "error", "error": {"code": "x"}}, {"code": "x"}),
        ({"statusCode": 429, "message": "slow"}, {"statusCode": 429, "message": "slow"}),
        ({"code": "x", "message": "m"}, {"code": "x", "message": "m"}),
        ({"code": 400, "message": "m"}, {"code": 400, "message": "m"}),
        ({"code": 5, "message": "m", "data": None}, {"code": 5, "message": "m", "data": None}),
        (
            {"code": 0, "statusCode": 500, "message": "m"},
            {"code": 0, "statusCode": 500, "message": "m"},
        ),
    ],
)
def test_an_error_is_nested_flat_or_named(document: JsonObject, error: JsonObject) -> None:
    assert error_of(document) == error
    assert reports_error(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"error": None},
        {"error": {}},
        {"error": ""},
        {"error": False},
        {"error": {"code": None, "message": None, "param": None}},
        {"message": "no code"},
        {"code": "x"},
        {"code": "x", "message": ""},
        {"code": "x", "message": None},
        *(
            {"code": code, "message": "m"}
            for code in (0, "0", 200, "200", 201, "OK", "Success", None, "")
        ),
        {"statusCode": 200, "message": "m"},
        {"code": 7, "message": "m", "data": VECTORS, "model": "e"},
        {"code": 7, "message": "m", "choices": []},
        {"code": 7, "message": "m", "text": "a transcript"},
        {"code": 7, "message": "m", "id": "c1"},
    ],
)
def test_a_success_may_look_like_an_error(document: JsonObject) -> None:
    """It has a code that means success, or it holds a response."""
    assert error_of(document) is None
    assert not reports_error(document)


def test_any_event_that_is_named_error_is_an_error() -> None:
    assert error_of({"message": "gone"}, "error") == {"message": "gone"}
    assert reports_error({"choices": []}, "error")
    assert error_of({}, "error") is None


@given(json_values)
def test_no_shape_raises(value: Json) -> None:
    for name in ("error", "message", "code", "type"):
        error_of({name: value, "message": value})
        error_of({name: value, "message": "m", "statusCode": value})
