"""The meaning of the meters of Azure's list of retail prices: words in any order, abbreviated in
many ways, together or apart ("gpt 4o 1120 cached Inp glbl", "gpt 4o mini0718 BatchOutp DataZone").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from shared.core.cost.rates import UNITS

type PriceItem = Mapping[str, Any]

_SKUS: Final = {
    **dict.fromkeys(("glbl", "global", "gl", "glb"), "GlobalStandard"),
    **dict.fromkeys(("regnl", "regional", "rgnl", "regn", "rg"), "Standard"),
    **dict.fromkeys(("datazone", "dzone", "dz", "dzn"), "DataZoneStandard"),
}
_INPUT: Final = frozenset({"input", "inp", "inpt", "in"})
_OUTPUT: Final = frozenset({"output", "outp", "outpt", "opt", "out"})
_CACHED: Final = frozenset({"cached", "cchd", "cched", "ccchd", "cd"})
_WRITE: Final = frozenset({"write", "wr"})
_TIERS: Final = {"batch": "batch", "priority": "priority", "pp": "priority", "flex": "flex"}
_LONG: Final = frozenset({"longco", "loco"})
_LONG_CONTEXT: Final = 272_000  # Azure's page of prices says so of each model that has two
_NOISE: Final = frozenset({"std", "shortco", "shco", "tokens", "1m", "ep", "txt"})
_MEDIA: Final = {"aud": "audio", "img": "image"}
# Meters of something else than calls of a model by the token.
_OTHERS: Final = frozenset(
    {
        "ft",
        "grader",
        "grdr",
        "hosting",
        "training",
        "provisioned",
        "throughput",
        "dev",
        "assistants",
    }
)
_VERSION: Final = re.compile(r"\d{4}")
_UNIT: Final = re.compile(r"(\d+)([KM]?)")
_FACTORS: Final = {"": 1, "K": 1_000, "M": 1_000_000}


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """The tokens that a meter prices."""

    words: str  # the model's name without spaces: gpt4o
    version: str | None  # month and day: 1120
    part: str
    sku: str
    tier: str
    context_above: int
    price: Decimal  # the price of a million


def parse_meter(item: PriceItem) -> Meter | None:
    """The tokens that an item prices; None if it prices anything else."""
    per_million = _per_million(item)
    # `data zone` is written as one word as well; `BatchOutp` and `mini0718` are run together
    name = re.sub(r"(?i)data zone", "datazone", str(item.get("skuName", "")))
    name = re.sub(r"(?i)batch(?=in|out)", "batch ", name)
    words = re.sub(r"(?<=[a-z])(\d{4})\b", r" \1", name.lower()).replace("-", " ").split()
    skus = [_SKUS[word] for word in words if word in _SKUS]
    if per_million is None or not skus or _OTHERS & set(words):
        return None
    part = _part(words)
    if part is None:
        return None
    meaning = {*_SKUS, *_INPUT, *_OUTPUT, *_CACHED, *_WRITE, *_TIERS, *_LONG, *_NOISE, *_MEDIA}
    rest = [word for word in words if word not in meaning]
    versions = [word for word in rest if _VERSION.fullmatch(word)]
    return Meter(
        words=join_words("".join(word for word in rest if word not in versions)),
        version=versions[0] if versions else None,
        part=part,
        sku=skus[0],
        tier=next((_TIERS[word] for word in words if word in _TIERS), ""),
        context_above=_LONG_CONTEXT if _LONG & set(words) else 0,
        price=per_million,
    )


def _part(words: list[str]) -> str | None:
    is_input, is_output = bool(_INPUT & set(words)), bool(_OUTPUT & set(words))
    cached, written = bool(_CACHED & set(words)), bool(_WRITE & set(words))
    medium = next((_MEDIA[word] for word in words if word in _MEDIA), None)
    if "embedding" in words and not is_output:
        return "input"
    if is_input == is_output:
        return "cache_write" if cached and written else None
    if medium:
        suffix = "output" if is_output else "cached" if cached else "input"
        return f"{medium}_{suffix}" if f"{medium}_{suffix}" in UNITS else None
    if is_output:
        return None if cached else "output"
    return "cache_write" if written else "cached" if cached else "input"


def _per_million(item: PriceItem) -> Decimal | None:
    unit = _UNIT.fullmatch(str(item.get("unitOfMeasure", "")))
    price = item.get("retailPrice")
    if unit is None or not isinstance(price, int | float) or unit[2] not in {"K", "M"}:
        return None
    return Decimal(str(price)) * 1_000_000 / (int(unit[1]) * _FACTORS[unit[2]])


def join_words(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
