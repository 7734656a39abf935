"""Makes rates/base.csv of LiteLLM's map of prices, whose entries for Azure name their sources.

    python -m local.rates.litellm FILE VERSION DATE > rates/base.csv

FILE is `litellm/model_prices_and_context_window_backup.json` of the package `litellm` (MIT), DATE
the day on which that version was made. Only Azure OpenAI's own models are taken, from entries
without a zone (Global) and those of the data zones us, eu and apac. Regional prices are not in it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from shared.core.cost import rates
from shared.core.cost.rates import ANY_MODEL, UNITS, Rate

_OTHERS: Final = ("mistral", "command-r", "speech/", "sora", "model-router")
_ZONES: Final = {"us": "us", "eu": "eu", "apac": "apac"}
_GLOBAL: Final = ("global/", "global-standard/")
_TIERS: Final = {"": "", "priority": "_priority", "flex": "_flex", "batch": "_batches"}
# For each part, the entries to look for; a later one stands in for an earlier one.
_PRICES: Final = {
    "input": ("input_cost_per_token",),
    "cached": ("cache_read_input_token_cost", "input_cost_per_token"),
    "cache_write": ("cache_creation_input_token_cost", "input_cost_per_token"),
    "output": ("output_cost_per_token",),
    "reasoning": ("output_cost_per_reasoning_token", "output_cost_per_token"),
    "audio_input": ("input_cost_per_audio_token",),
    "audio_cached": ("cache_read_input_audio_token_cost", "input_cost_per_audio_token"),
    "audio_output": ("output_cost_per_audio_token",),
    "image_input": ("input_cost_per_image_token",),
    "image_output": ("output_cost_per_image_token",),
    "characters": ("input_cost_per_character",),
    "seconds": ("input_cost_per_second",),
}
_LONG: Final = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
_IMAGE: Final = re.compile(r"(?:(\w+)/)?(\d+)-x-(\d+)/(.+)")
# Azure has them in regions alone (Standard); LiteLLM lists one price for each.
_OF_A_REGION: Final = re.compile(
    r"(ada|dall-e|gpt-3\.?5|gpt-4(-(?!o).*)?$|text-embedding-ada|tts|whisper)", re.ASCII
)
_AZURES_NAMES: Final = {"tts-1": "tts", "tts-1-hd": "tts-hd"}
_RETAIL_LIST: Final = re.compile(r"https://prices\.azure\.com/.*armRegionName%20eq%20'(\w+)'.*")

type Entry = Mapping[str, Any]


def base(prices: Mapping[str, Entry], version: str, date: str) -> list[Rate]:
    """The rates of Azure OpenAI's models in LiteLLM's map."""
    prices_of_tier: dict[object, Rate] = {}
    for name, entry in prices.items():
        for rate in _of_entry(name, entry, version, date):
            for same in _names_and_types(rate):
                # `global/x` repeats `x`
                prices_of_tier.setdefault((same.key, same.context_above), same)
    return [*prices_of_tier.values(), _tools(prices, version, date)]


def _names_and_types(rate: Rate) -> Iterator[Rate]:
    """The rate under each name that Azure has for its model, and for each type of deployment."""
    types = [rate.sku, "Standard"] if _OF_A_REGION.match(rate.model) else [rate.sku]
    for name in dict.fromkeys((rate.model, _AZURES_NAMES.get(rate.model, rate.model))):
        for sku in types:
            yield replace(rate, model=name, sku=sku)


def _tools(prices: Mapping[str, Entry], version: str, date: str) -> Rate:
    """The cost of calls of built-in tools, equal for every model."""
    session = Decimal(str(prices["azure/container"]["code_interpreter_cost_per_session"]))
    searches = {
        Decimal(str(price))
        for name, entry in prices.items()
        if name.startswith("azure/")
        for price in entry.get("search_context_cost_per_query", {}).values()
    }
    (search,) = searches
    router = Decimal(str(prices["azure/model-router"]["input_cost_per_token"]))
    return _rate(
        ANY_MODEL,
        "",
        "",
        source=f"litellm {version} azure/container, azure/model-router, search_context_cost_per_query",
        date=date,
        prices={
            "code_interpreter": session * 1000,
            "web_search": search * 1000,
            "routed_input": router * 1_000_000,
        },
    )


def _of_entry(name: str, entry: Entry, version: str, date: str) -> Iterator[Rate]:
    model = name.removeprefix("azure/")
    if model == name or model.startswith(_OTHERS):
        return
    source = f"litellm {version} {name}" + _page(entry)
    zone, model = _zone(model)
    if zone is None:
        return
    sku = "DataZoneStandard" if zone else "GlobalStandard"
    image = _IMAGE.fullmatch(model)
    if image:
        yield from _of_image(image, entry, sku, source, date)
        return
    for tier in _TIERS:
        for above in (0, *_thresholds(entry)):
            prices_of_tier = dict(_prices(entry, tier, above))
            if prices_of_tier:
                yield _rate(
                    model,
                    sku,
                    zone,
                    tier=tier,
                    above=above,
                    source=source,
                    date=date,
                    prices=prices_of_tier,
                )


def _page(entry: Entry) -> str:
    """Where LiteLLM has the price from, if it says so."""
    page = str(entry.get("source") or "")
    listed = _RETAIL_LIST.fullmatch(page)
    return f", Azure retail list {listed[1]}" if listed else f", {page}" if page else ""


def _zone(model: str) -> tuple[str | None, str]:
    """The data zone, "" for the world, None for what is left out; and the name without it."""
    for prefix in _GLOBAL:
        model = model.removeprefix(prefix)
    first, slash, rest = model.partition("/")
    if not slash or _IMAGE.fullmatch(model):
        return "", model
    return _ZONES.get(first), rest


def _of_image(
    image: re.Match[str], entry: Entry, sku: str, source: str, date: str
) -> Iterator[Rate]:
    quality, width, height, model = image.groups()
    per_pixel = Decimal(str(entry.get("input_cost_per_pixel", 0)))
    if not per_pixel:
        return  # no price is known
    # LiteLLM divides the price of an image by its pixels and rounds
    price = round(per_pixel * int(width) * int(height), 4)
    yield _rate(
        model,
        sku,
        "",
        variant=f"{quality} {width}x{height}",
        source=source,
        date=date,
        prices={"images": price * 1000},
    )


def _thresholds(entry: Entry) -> set[int]:
    return {int(match[1]) * 1000 for name in entry if (match := _LONG.fullmatch(name))}


def _prices(entry: Entry, tier: str, above: int) -> Iterator[tuple[str, Decimal]]:
    suffix = (f"_above_{above // 1000}k_tokens" if above else "") + _TIERS[tier]
    if suffix and not any(f"{name}{suffix}" in entry for name in _PRICES["input"]):
        return
    plain = entry.get(f"input_cost_per_token{suffix}", 0)
    for part, names in _PRICES.items():
        prices_of_tier = [entry[name + suffix] for name in names if name + suffix in entry]
        if part == "cache_write":
            # a write costs the input or more: 1.38 for gpt-4o of a data zone is a cached price
            prices_of_tier = [price for price in prices_of_tier if price >= plain]
        if prices_of_tier:
            yield part, Decimal(str(prices_of_tier[0])) * UNITS[part]


def _rate(
    model: str,
    sku: str,
    zone: str,
    *,
    source: str,
    date: str,
    prices: dict[str, Decimal],
    tier: str = "",
    variant: str = "",
    above: int = 0,
) -> Rate:
    return Rate(
        model=model,
        sku=sku,
        zone=zone,
        tier=tier,
        variant=variant,
        context_above=above,
        valid_from=rates.BEGINNING,
        valid_to=rates.END,
        currency="USD",
        prices=prices,
        as_of=date,
        source=source,
    )


def main() -> None:
    file, version, date = sys.argv[1:]
    sys.stdout.write(rates.write(base(json.loads(Path(file).read_text()), version, date)))


if __name__ == "__main__":
    main()
