"""The figures of an exchange's usage, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping
from shared.core.wire.json.usage_object import FigureName, member_of

_SHOWN: Final[tuple[FigureName, ...]] = (
    "input",
    "output",
    "total",
    "cached",
    "cache_written",
    "reasoning",
    "audio_input",
    "audio_output",
)
_ESTIMATES: Final = {
    "input": ("prompt_tokens", "estimated: a token for every 4 bytes of the prompt"),
    "output": ("completion_tokens", "estimated: a token for every 4 bytes that the model wrote"),
    "total": ("total_tokens", "estimated: the sum of both"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageFigure:
    """A figure and its source."""

    name: str
    value: int
    source: str  # a sentence, or the member of the answer's usage: usage.prompt_tokens

    def to_json(self) -> JsonObject:
        """The figure as a JSON object."""
        return asdict(self)


def figures(event: Mapping[str, Json]) -> tuple[UsageFigure, ...]:
    """The known figures; none if the event has no usage."""
    if event.get("usage_source") == "estimated":
        return tuple(_estimate_figures(mapping(event.get("usage_estimate"))))
    return tuple(_of_upstream(event))


def _estimate_figures(estimate: JsonObject) -> Iterator[UsageFigure]:
    for name, (member, source) in _ESTIMATES.items():
        value = integer(estimate.get(member))
        if value is not None:
            yield UsageFigure(name=name, value=value, source=source)


def _of_upstream(event: Mapping[str, Json]) -> Iterator[UsageFigure]:
    usage = mapping(event.get("usage"))
    repeated = "; another exchange counts it" if event.get("usage_repeated") is True else ""
    for name in _SHOWN:
        member = member_of(usage, name)
        if member is not None:
            path, value = member
            yield UsageFigure(name=name, value=value, source=f"usage.{path}{repeated}")
