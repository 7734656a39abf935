"""The figures of an exchange's usage, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping

_INPUT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS: Final = ("completion_tokens_details", "output_tokens_details")


def _within(details: tuple[str, ...], *names: str) -> tuple[str, ...]:
    return tuple(f"{detail}.{name}" for detail in details for name in names)


# The members of a usage object that hold a figure, by the operation that answered.
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "cached": _within(_INPUT_DETAILS, "cached_tokens"),
    "cache_written": _within(_INPUT_DETAILS, "cache_write_tokens", "cache_creation_tokens"),
    "reasoning": _within(_OUTPUT_DETAILS, "reasoning_tokens"),
    "audio_input": _within(_INPUT_DETAILS, "audio_tokens"),
    "audio_output": _within(_OUTPUT_DETAILS, "audio_tokens"),
}
_ESTIMATES: Final = {
    "input": ("prompt_tokens", "estimated: a token for every 4 bytes of the prompt"),
    "output": ("completion_tokens", "estimated: a token for every 4 bytes that the model wrote"),
    "total": ("total_tokens", "estimated: the sum of both"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure."""

    name: str
    value: int
    source: str  # a sentence, or the member of the answer's usage: usage.prompt_tokens

    def to_json(self) -> JsonObject:
        """The figure as a JSON object."""
        return asdict(self)


def figures(event: Mapping[str, Json]) -> tuple[Figure, ...]:
    """All that is known; nothing if the event has no usage."""
    if event.get("usage_source") == "estimated":
        return tuple(_estimated(mapping(event.get("usage_estimate"))))
    return tuple(_of_upstream(event))


def _estimated(estimate: JsonObject) -> Iterator[Figure]:
    for name, (member, source) in _ESTIMATES.items():
        value = integer(estimate.get(member))
        if value is not None:
            yield Figure(name=name, value=value, source=source)


def _of_upstream(event: Mapping[str, Json]) -> Iterator[Figure]:
    usage = mapping(event.get("usage"))
    repeated = "; another exchange counts it" if event.get("usage_repeated") is True else ""
    for name, members in _MEMBERS.items():
        candidates = ((member, integer(_member(usage, member))) for member in members)
        for member, value in candidates:
            if value is not None:
                yield Figure(name=name, value=value, source=f"usage.{member}{repeated}")
                break


def _member(usage: JsonObject, path: str) -> Json:
    head, _, rest = path.partition(".")
    return mapping(usage.get(head)).get(rest) if rest else usage.get(head)
