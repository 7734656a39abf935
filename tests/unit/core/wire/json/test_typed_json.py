"""A dataclass is read from JSON by its annotations, and nothing of a wrong type gets into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from shared.core.wire.json import typed_json
from shared.errors import WrongType


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    sizes: dict[str, int]
    inner: Inner | None = None


def test_mappings_are_read_with_their_values() -> None:
    value = {"sizes": {"a": 1}, "inner": {"words": {"colour": ["red", "blue"]}}}
    expected = Outer(sizes={"a": 1}, inner=Inner(words={"colour": ("red", "blue")}))
    assert typed_json.read(Outer, value) == expected


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"sizes": []}, "sizes: not an object"),
        ({"sizes": {"a": "1"}}, "sizes: not a whole number"),
        ({"sizes": {}, "inner": {"words": {"colour": "red"}}}, "inner: words: not an array"),
        ({}, "sizes: missing"),
    ],
)
def test_a_wrong_type_is_named_by_its_place(value: object, problem: str) -> None:
    """The message does not quote the value."""
    with pytest.raises(WrongType, match=f"^{problem}$"):
        typed_json.read(Outer, value)
