"""A usage object: the upstream's figures of what a response used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping

type FigureName = Literal[
    "input",
    "output",
    "total",
    "cached",
    "cached_audio",
    "cache_written",
    "audio_input",
    "image_input",
    "reasoning",
    "audio_output",
    "image_output",
]

_INPUT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS: Final = (
    "completion_tokens_details",
    "output_tokens_details",
    "output_token_details",
)


def _within(details: tuple[str, ...], *names: str) -> tuple[str, ...]:
    return tuple(f"{detail}.{name}" for detail in details for name in names)


# The members that hold a figure. Operations and servers name the same figure differently.
_MEMBERS: Final[Mapping[FigureName, tuple[str, ...]]] = {
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "cached": _within(_INPUT_DETAILS, "cached_tokens"),
    "cached_audio": _within(_INPUT_DETAILS, "cached_tokens_details.audio_tokens"),
    "cache_written": _within(_INPUT_DETAILS, "cache_write_tokens", "cache_creation_tokens"),
    "audio_input": _within(_INPUT_DETAILS, "audio_tokens"),
    "image_input": _within(_INPUT_DETAILS, "image_tokens"),
    "reasoning": _within(_OUTPUT_DETAILS, "reasoning_tokens"),
    "audio_output": _within(_OUTPUT_DETAILS, "audio_tokens"),
    "image_output": _within(_OUTPUT_DETAILS, "image_tokens"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageFigures:
    """The figures of a usage object in tokens, by one name each, whichever operation it is of.
    None: not reported.
    """

    input: int | None
    output: int | None
    total: int | None
    # parts of the input
    cached: int | None
    cached_audio: int | None  # the part of `cached` that is audio
    cache_written: int | None
    audio_input: int | None
    image_input: int | None
    # parts of the output
    reasoning: int | None
    audio_output: int | None
    image_output: int | None


def read_figures(usage: JsonObject) -> UsageFigures:
    """The figures of a usage object of any operation."""
    return UsageFigures(
        input=_figure(usage, "input"),
        output=_figure(usage, "output"),
        total=_figure(usage, "total"),
        cached=_figure(usage, "cached"),
        cached_audio=_figure(usage, "cached_audio"),
        cache_written=_figure(usage, "cache_written"),
        audio_input=_figure(usage, "audio_input"),
        image_input=_figure(usage, "image_input"),
        reasoning=_figure(usage, "reasoning"),
        audio_output=_figure(usage, "audio_output"),
        image_output=_figure(usage, "image_output"),
    )


def member_of(usage: JsonObject, name: FigureName) -> tuple[str, int] | None:
    """The path of the member that holds a figure, and the figure; None if it is not reported."""
    values = ((path, integer(_at(usage, path))) for path in _MEMBERS[name])
    return next(((path, value) for path, value in values if value is not None), None)


def _figure(usage: JsonObject, name: FigureName) -> int | None:
    member = member_of(usage, name)
    return member[1] if member else None


def _at(usage: JsonObject, path: str) -> Json:
    *outer, last = path.split(".")
    for name in outer:
        usage = mapping(usage.get(name))
    return usage.get(last)


def latest_usage(known: JsonObject | None, later: JsonObject | None) -> JsonObject | None:
    """Which of two usage objects of one response counts: the later one, because some servers add up
    from chunk to chunk. One of zeros only does not replace figures: it is a placeholder.
    """
    if not later:
        return known
    return later if has_figures(later) or not known else known


def has_figures(usage: Json) -> bool:
    """Whether any number in a usage object is not zero."""
    if isinstance(usage, dict):
        return any(map(has_figures, usage.values()))
    return isinstance(usage, int | float) and not isinstance(usage, bool) and usage != 0
