"""Brings rates/base.csv up to date from Azure's public list of retail prices.

    python -m local.rates.azure --region eastus > base.csv

It needs the internet. A meter of the list names its model in words of its own ("gpt 4o 1120 cached
Inp glbl"), and neither its year nor the tokens above which a long context begins. So the names that
rates/base.csv has are looked for in the words; what fits none of them is named on standard error,
and nothing is guessed. A rate that the list does not have stays as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx

from local.rates.meters import Meter, PriceItem, join_words, parse_meter
from shared import rate_files
from shared.core.cost import rates
from shared.core.cost.rates import ANY_MODEL, Rate, RateKey

ADDRESS: Final = "https://prices.azure.com/api/retail/prices"
# Called Cognitive Services until 2025.
_SERVICES: Final = ("Foundry Models", "Cognitive Services")
_MOST_PAGES: Final = 100
_TIMEOUT_S: Final = 30

# Words of the list, joined, for the name of a model without its date, joined.
_ALIASES: Final = {
    "gpt5rsng": "gpt5",
    "computeruse": "computerusepreview",
    "embeddingada": "textembeddingada002",
    "gpt4turbo128k": "gpt4turbo",
    "gpt48k": "gpt4",
    "gpt35turboinstruct": "gpt35turboinstruct",
}
_DATE: Final = re.compile(r"-(\d{4})-(\d\d)-(\d\d)$")
_DALL_E: Final = re.compile(r"image-dall-e-3 (hd|std) (high|low)res", re.IGNORECASE)
_SIZES: Final = {"low": ("1024x1024",), "high": ("1024x1792", "1792x1024")}
_TOOLS: Final = {
    "file-search-tool-calls-glbl": "file_search",
    "code-interpreter-global": "code_interpreter",
}
# Which data zone a region is in.
_ZONES: Final = {"us": "us", "europe": "eu", "sweden": "eu", "france": "eu", "germany": "eu"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RetailRates:
    """The rates of a list, and the meters of tokens whose model has no name in the base."""

    rates: list[Rate]
    unmatched: list[str]


def read_list(client: httpx.Client, region: str, address: str = ADDRESS) -> Iterator[PriceItem]:
    """The items of Azure OpenAI in the list, page after page."""
    services = " or ".join(f"serviceName eq '{service}'" for service in _SERVICES)
    query = f"({services}) and armRegionName eq '{region}' and priceType eq 'Consumption'"
    page = client.get(address, params={"api-version": "2023-01-01-preview", "$filter": query})
    for _ in range(_MOST_PAGES):
        page.raise_for_status()
        document = page.json()
        yield from document["Items"]
        next_page = document.get("NextPageLink")
        if not next_page:
            return
        page = client.get(next_page)
    raise RuntimeError(f"the list has more than {_MOST_PAGES} pages")


def rates_of(
    items: Iterable[PriceItem], names: Iterable[str], region: str, date: str
) -> RetailRates:
    """The rates of a list's items, for the models of these names."""
    names_by_words = _by_words(names)
    prices_by_rate: dict[tuple[str, str, str, int], dict[str, Decimal]] = defaultdict(dict)
    listed: list[Rate] = []
    tools: dict[str, Decimal] = {}
    unmatched: list[str] = []
    source = f"Azure retail list {region}"
    for item in items:
        if item.get("type") != "Consumption" or "OpenAI" not in item.get("productName", ""):
            continue
        listed += _image_rates(item, source, date)
        tools |= _tool(item)
        meter = parse_meter(item)
        if meter is None:
            continue
        models = _models(meter, names_by_words)
        if not models:
            unmatched.append(str(item["skuName"]))
        for model in models:
            prices_by_rate[model, meter.sku, meter.tier, meter.context_above][meter.part] = (
                meter.price
            )
    zone = next((zone for word, zone in _ZONES.items() if word in region), "")
    for (model, sku, tier, above), prices in prices_by_rate.items():
        if sku != "DataZoneStandard" or zone:
            listed.append(
                Rate(
                    model=model,
                    sku=sku,
                    zone=zone if sku == "DataZoneStandard" else "",
                    tier=tier,
                    variant="",
                    context_above=above,
                    valid_from=rates.BEGINNING,
                    valid_to=rates.END,
                    currency="USD",
                    prices=_complete(prices),
                    as_of=date,
                    source=source,
                )
            )
    if tools:
        listed.append(replace(_BLANK, model=ANY_MODEL, as_of=date, source=source, prices=tools))
    return RetailRates(rates=listed, unmatched=sorted(set(unmatched)))


def _by_words(names: Iterable[str]) -> dict[str, dict[str | None, str]]:
    """The names by their words without the date, and then by month and day."""
    names_by_words: dict[str, dict[str | None, str]] = defaultdict(dict)
    for name in names:
        date = _DATE.search(name)
        version = f"{date[2]}{date[3]}" if date else None
        names_by_words[join_words(_DATE.sub("", name))][version] = name
    return names_by_words


def _models(meter: Meter, names_by_words: Mapping[str, Mapping[str | None, str]]) -> list[str]:
    """The models that a meter prices. One without a version prices all versions."""
    words = _ALIASES.get(meter.words, meter.words)
    versions = names_by_words.get(words) or names_by_words.get(f"gpt{words}") or {}
    if meter.version is None:
        return list(versions.values())
    return [versions[meter.version]] if meter.version in versions else []


def _complete(prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Prices for the parts that have no meter of their own."""
    plain = {
        "cached": prices.get("input"),
        "cache_write": prices.get("input"),
        "reasoning": prices.get("output"),
        "audio_cached": prices.get("audio_input"),
    }
    return {part: price for part, price in plain.items() if price is not None} | dict(prices)


def _image_rates(item: PriceItem, source: str, date: str) -> Iterator[Rate]:
    """The rates of images without tokens."""
    name, price = str(item.get("skuName", "")), Decimal(str(item.get("retailPrice", 0)))
    model = _DALL_E.match(name)
    blank = replace(_BLANK, as_of=date, source=source)
    if model:
        quality = "hd" if model[1].lower() == "hd" else "standard"
        for size in _SIZES[model[2].lower()]:
            for sku in ("Standard", "GlobalStandard"):
                yield replace(
                    blank,
                    model="dall-e-3",
                    sku=sku,
                    variant=f"{quality} {size}",
                    prices={"images": price * 10},  # the price of a hundred
                )


def _tool(item: PriceItem) -> dict[str, Decimal]:
    """The price of a thousand calls of a built-in tool."""
    tool = _TOOLS.get(str(item.get("skuName", "")).lower())
    price = Decimal(str(item.get("retailPrice", 0)))
    return {tool: price if tool == "file_search" else price * 1000} if tool else {}


_BLANK: Final = Rate(
    model="",
    sku="",
    zone="",
    tier="",
    variant="",
    context_above=0,
    valid_from=rates.BEGINNING,
    valid_to=rates.END,
    currency="USD",
    prices={},
    as_of="",
    source="",
)


def merge(base: Iterable[Rate], listed: Iterable[Rate], *, only_missing: bool) -> list[Rate]:
    """The base with the rates of a list. `only_missing`: a rate whose source is a list stays."""
    merged: dict[tuple[RateKey, int], Rate] = {
        (rate.key, rate.context_above): rate for rate in base
    }
    for rate in listed:
        base_rate = merged.get((rate.key, rate.context_above))
        if (
            base_rate
            and only_missing
            and "retail list" in base_rate.source
            and rate.model != ANY_MODEL
        ):
            continue
        merged[rate.key, rate.context_above] = _merge(base_rate, rate) if base_rate else rate
    return list(merged.values())


def _merge(base_rate: Rate, rate: Rate) -> Rate:
    """The rate of a list; what it does not price keeps its price and its source."""
    parts = [part for part in base_rate.prices if part not in rate.prices]
    first = base_rate.source.rpartition(": ")[2]  # it may have been merged before
    source = f"{rate.source}; {' '.join(parts)}: {first}" if parts else rate.source
    return replace(rate, prices=base_rate.prices | rate.prices, source=source)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.rates.azure", description=__doc__)
    parser.add_argument("--region", default="eastus", help="whose prices are taken")
    parser.add_argument("--file", type=Path, help="a recorded list, one item in JSON a line")
    parser.add_argument("--date", default=f"{datetime.now(UTC):%F}", help="when it was recorded")
    parser.add_argument("--only-missing", action="store_true", help="the base is newer")
    options = parser.parse_args()
    base = rates.parse((rate_files.FOLDER / rate_files.BASE).read_text("utf-8"))
    if options.file:
        lines = options.file.read_text("utf-8").splitlines()
        items = [item for item in map(json.loads, lines) if item["armRegionName"] == options.region]
    else:
        with httpx.Client(timeout=_TIMEOUT_S) as client:
            items = list(read_list(client, options.region))
    names = {rate.model for rate in base}
    listed = rates_of(items, names, options.region, options.date)
    for name in listed.unmatched:
        sys.stderr.write(f"no model of rates/base.csv has this meter: {name}\n")
    sys.stdout.write(rates.write(merge(base, listed.rates, only_missing=options.only_missing)))


if __name__ == "__main__":
    main()
