"""The billed quantities of an exchange.

Each token is in one part only, so that rates can be applied to the parts and the amounts added up.

The upstream's figures overlap: its input holds what was read from the cache and what was written to
it, its output holds the reasoning. A price times an overlapping figure is the commonest error of a
cost report (docs/reference/cost.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.json.usage_object import read_figures
from shared.errors import WrongType

type Basis = Literal["usage", "count", "estimate", "repeated", "nothing", "unknown"]
type ModelSource = Literal["header", "answer", "setting", "deployment"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantities:
    """The billed service of an exchange, and its amounts. Absent: zero, or not known."""

    # where the figures come from: the upstream's usage, a count of characters, seconds or images,
    # an estimate; repeated: another exchange counts them; nothing: nothing is billed; unknown:
    # something may be billed, and nothing says how much
    basis: Basis
    model: str | None  # the billed model; null: not known
    # header (x-ms-served-model), answer, setting (DEPLOYMENTS), deployment (its name)
    model_source: ModelSource | None
    sku: str | None = None  # the deployment's type, as Azure names it: GlobalStandard (DEPLOYMENTS)
    zone: str | None = None  # the data zone of the deployment: us, eu (DEPLOYMENTS)
    service_tier: str | None = None  # as the answer states it: default, priority, flex
    spilled_over: bool | None = None  # a standard deployment answered for a provisioned one
    input: int | None = None  # tokens of text, neither read from the cache nor written to it
    cached: int | None = None  # tokens of text, read from the cache
    cache_write: int | None = None  # tokens written to the cache
    output: int | None = None  # tokens of text, without reasoning
    reasoning: int | None = None  # tokens that the model did not show
    audio_input: int | None = None  # audio tokens, not read from the cache
    audio_cached: int | None = None  # audio tokens, read from the cache
    audio_output: int | None = None  # audio tokens
    image_input: int | None = None  # tokens of images
    image_output: int | None = None  # tokens of images
    characters: int | None = None  # characters of a text to speak
    seconds: float | None = None  # seconds of audio to transcribe
    images: int | None = None  # images that the model made
    image_size: str | None = None  # 1024x1024
    image_quality: str | None = None
    web_search: int | None = None  # searches of the built-in tool
    file_search: int | None = None  # calls of the built-in tool
    code_interpreter: int | None = None  # containers; a session in a container is billed
    image_generation: int | None = None  # calls of the built-in tool; the usage omits them
    # tokens of the whole input if a model router chose the model: they bear the router's fee
    routed_input: int | None = None


TOKENS: Final = (
    "input",
    "cached",
    "cache_write",
    "output",
    "reasoning",
    "audio_input",
    "audio_cached",
    "audio_output",
    "image_input",
    "image_output",
)
INPUT_TOKENS: Final = (
    "input",
    "cached",
    "cache_write",
    "audio_input",
    "audio_cached",
    "image_input",
)
TOOLS: Final = ("web_search", "file_search", "code_interpreter", "image_generation")
# Parts that have one price, whichever model they belong to.
OF_ANY_MODEL: Final = (*TOOLS, "routed_input")
PARTS: Final = (*TOKENS, "characters", "seconds", "images", *OF_ANY_MODEL)


def split_tokens(usage: JsonObject) -> dict[str, int]:
    """The tokens of a usage object of any operation, each in one part. A detail that exceeds the
    whole that it is a part of is cut to it.
    """
    figures = read_figures(usage)
    cached, audio = _positive(figures.cached), _positive(figures.audio_input)
    audio_cached = min(_positive(figures.cached_audio), cached, audio)
    rest = _Remainder(figures.input)
    parts = {
        "audio_cached": rest.take(audio_cached),
        "audio_input": rest.take(audio - audio_cached),
        "cached": rest.take(cached - audio_cached),
        "cache_write": rest.take(figures.cache_written),
        "image_input": rest.take(figures.image_input),
        "input": rest.tokens,
    }
    rest = _Remainder(figures.output)
    return parts | {
        "audio_output": rest.take(figures.audio_output),
        "image_output": rest.take(figures.image_output),
        "reasoning": rest.take(figures.reasoning),
        "output": rest.tokens,
    }


def parts_of(quantities: Quantities) -> dict[str, int | float]:
    """The quantity of each part that is billed. Images count only if no tokens stand for them."""
    amounts = {name: getattr(quantities, name) for name in PARTS}
    if quantities.basis != "count":
        del amounts["images"]
    return {name: amount for name, amount in amounts.items() if amount}


def input_tokens(quantities: Quantities) -> int:
    """The whole input, on which the price of a long context depends."""
    return sum(getattr(quantities, name) or 0 for name in INPUT_TOKENS)


def from_json(value: JsonObject) -> Quantities:
    """The quantities in an event; of unknown basis if they are not what this version writes."""
    try:
        return typed_json.read(Quantities, value)
    except WrongType:
        return Quantities(basis="unknown", model=None, model_source=None)


class _Remainder:
    """The remainder of a whole after parts were taken out of it."""

    def __init__(self, tokens: int | None) -> None:
        self.tokens = _positive(tokens)

    def take(self, part: int | None) -> int:
        share = min(_positive(part), self.tokens)
        self.tokens -= share
        return share


def _positive(figure: int | None) -> int:
    """The figure; 0 if it is negative or not reported."""
    return max(figure or 0, 0)
