"""Which usage object of a response counts."""

from __future__ import annotations

import pytest

from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.json.usage_object import has_figures, latest_usage

REAL: JsonObject = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0}}
MORE: JsonObject = {"prompt_tokens": 5, "completion_tokens": 9}
ZEROS: JsonObject = {"prompt_tokens": 0, "prompt_tokens_details": {"cached_tokens": 0}, "n": None}


@pytest.mark.parametrize(
    ("known", "later", "counts"),
    [
        (None, None, None),
        (None, REAL, REAL),
        (REAL, None, REAL),
        (REAL, {}, REAL),
        (REAL, MORE, MORE),
        (REAL, ZEROS, REAL),
        (ZEROS, REAL, REAL),
        (None, ZEROS, ZEROS),
    ],
)
def test_the_last_figures_count(
    known: JsonObject | None, later: JsonObject | None, counts: JsonObject | None
) -> None:
    """Some servers add up from chunk to chunk, some end with a placeholder."""
    assert latest_usage(known, later) == counts


@pytest.mark.parametrize(
    ("usage", "has"),
    [
        ({"seconds": 0.5, "type": "duration"}, True),
        ({"details": {"audio_tokens": 1}}, True),
        ({"type": "tokens", "cached": False, "n": 0.0}, False),
        ({}, False),
        (None, False),
    ],
)
def test_figures_are_numbers_at_any_depth(usage: JsonObject | None, *, has: bool) -> None:
    assert has_figures(usage) is has
