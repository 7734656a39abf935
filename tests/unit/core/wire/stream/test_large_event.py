"""Reading parts of an event without parsing all of it."""

from __future__ import annotations

import pytest

from shared.core.wire.json.json_shape import Json
from shared.core.wire.stream import large_event


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ('"x":"…","code":"late","n":1}', "late"),
        ('"code":"first","a":"\\"code\\":2"}', "first"),
        ('"x":1}', None),
        ('"code"' * 40, None),
    ],
    ids=["near the end", "its name within a text", "absent", "too many places"],
)
def test_a_member_near_the_end_is_found(last: str, expected: Json) -> None:
    """The last place at which the rest is JSON."""
    assert large_event.last_member(last, "code", "{") == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ('{"type":"error","message":"', '…"}', True),
        ('{"error":{"message":"', '…"}}', True),
        ('{"type":"response.created","response":{', '"id":1}}', False),
        ("[1]", "[1]", False),
    ],
    ids=["by its type", "by its member", "another event", "not an object"],
)
def test_an_error_is_found_by_either_end(first: str, last: str, *, expected: bool) -> None:
    assert large_event.is_error("message", first, last) is expected


def test_the_last_event_is_known_by_its_name_or_its_type() -> None:
    assert large_event.ends_stream("response.completed", "{")
    assert large_event.ends_stream("message", '{"type":"response.failed","x":')
    assert not large_event.ends_stream("message", '{"type":"response.created","x":')
