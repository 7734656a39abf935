"""JSON of any shape: a value that would not fit into memory is reported, not parsed."""

from __future__ import annotations

import pytest

from shared.core.event import request_summary
from shared.core.wire.json.json_shape import MAX_MARKS, integer, number, parse, problem


@pytest.mark.parametrize("value", [b"0", b"[]", b"{}", b'""'])
def test_more_values_than_memory_has_room_for_are_not_parsed(value: bytes) -> None:
    """A few hundred KB of gzip unfold into tens of millions of them, and enrichment shares its
    instance with the relay.
    """
    body = b'{"messages":[' + (value + b",") * MAX_MARKS + b"0]}"
    assert parse(body) is None
    assert parse(body.decode()) is None
    read = request_summary.parse(body, "chat.completions")
    assert (read.prompt, read.problem) == (
        None,
        f"the request's body has more than {MAX_MARKS} values",
    )


def test_a_long_text_is_one_value() -> None:
    """It may be of any size, and hold the marks of ordinary prose."""
    text = "a few words, " * (MAX_MARKS // 10)
    assert len(text) > MAX_MARKS
    assert parse(f'{{"prompt": "{text}"}}') == {"prompt": text}


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"{" + b" " * MAX_MARKS])
def test_other_json_is_reported_as_not_an_object(body: bytes) -> None:
    """Only a body with too many values is reported as such."""
    assert problem(body) == "is not a JSON object"


@pytest.mark.parametrize("digits", ["9" * 5000, "-" + "9" * 5000, "1" * 100_000])
def test_an_integer_of_many_digits_is_null(digits: str) -> None:
    """The rest of the document is read. Python refuses to parse it, but it is JSON."""
    assert parse(f'{{"a": [{digits}, 7], "b": "text"}}') == {"a": [None, 7], "b": "text"}
    assert parse(f'{{"a": {digits}'.encode()) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), (5.0, 5), (-0.0, 0), (5.5, None), (1e300, None), (True, None), ("5", None)],
)
def test_an_integer_may_be_written_with_a_fraction_of_nothing(
    value: object, expected: int | None
) -> None:
    assert integer(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (None, None), (10**400, None)],
)
def test_a_number_is_what_a_float_can_hold(value: object, expected: float | None) -> None:
    """An integer of JSON may be longer."""
    assert number(value) == expected
