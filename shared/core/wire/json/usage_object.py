"""A usage object: the upstream's figures of what a response used."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping


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
    cached_audio: int | None  # of the cached ones
    cache_written: int | None
    audio_input: int | None
    image_input: int | None
    # parts of the output
    reasoning: int | None
    audio_output: int | None
    image_output: int | None


def figures_of(usage: JsonObject) -> UsageFigures:
    """The figures of a usage object. Operations and servers name the same figure differently."""
    of_input = _details(usage, "prompt", "input")
    of_output = _details(usage, "completion", "output")
    return UsageFigures(
        input=_first(usage, "prompt_tokens", "input_tokens"),
        output=_first(usage, "completion_tokens", "output_tokens"),
        total=_first(usage, "total_tokens"),
        cached=_first(of_input, "cached_tokens"),
        cached_audio=_first(mapping(of_input.get("cached_tokens_details")), "audio_tokens"),
        cache_written=_first(of_input, "cache_write_tokens", "cache_creation_tokens"),
        audio_input=_first(of_input, "audio_tokens"),
        image_input=_first(of_input, "image_tokens"),
        reasoning=_first(of_output, "reasoning_tokens"),
        audio_output=_first(of_output, "audio_tokens"),
        image_output=_first(of_output, "image_tokens"),
    )


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


def _details(usage: JsonObject, *sides: str) -> JsonObject:
    """The parts of one side: `input_tokens_details`, or `input_token_details` of some servers."""
    names = (f"{side}_{middle}_details" for middle in ("tokens", "token") for side in sides)
    return mapping(next((usage[name] for name in names if usage.get(name)), None))


def _first(figures: JsonObject, *names: str) -> int | None:
    """The first of these members that is a whole number."""
    numbers = (integer(figures.get(name)) for name in names)
    return next((number for number in numbers if number is not None), None)
