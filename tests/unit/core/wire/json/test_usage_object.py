"""The usage object of a response: which one counts, and its figures."""

from __future__ import annotations

import pytest

from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.json.usage_object import has_figures, latest_usage, member_of, read_figures

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


@pytest.mark.parametrize(
    "usage",
    [
        {
            "prompt_tokens": 9,
            "prompt_tokens_details": {
                "cached_tokens": 5,
                "cached_tokens_details": {"audio_tokens": 2},
                "audio_tokens": 3,
            },
            "completion_tokens": 7,
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
        {
            "input_tokens": 9,
            "input_token_details": {
                "cached_tokens": 5,
                "cached_tokens_details": {"audio_tokens": 2},
                "audio_tokens": 3,
            },
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 4},
        },
    ],
    ids=["chat completions", "audio"],
)
def test_a_figure_has_several_names(usage: JsonObject) -> None:
    """Operations and servers name the same figure differently."""
    figures = read_figures(usage)
    assert (figures.input, figures.output, figures.reasoning) == (9, 7, 4)
    assert (figures.cached, figures.cached_audio, figures.audio_input) == (5, 2, 3)
    assert figures.total is None


def test_a_figure_is_found_with_its_member() -> None:
    """A value that is not a whole number is not a figure."""
    usage: JsonObject = {"prompt_tokens": "9", "input_tokens": 8, "total_tokens": None}
    assert member_of(usage, "input") == ("input_tokens", 8)
    assert member_of(usage, "total") is None
