"""Azure's list of retail prices: what its meters mean, and how a list changes the base.

retail_prices.ndjson holds items of the real list for East US, as recorded on 2025-08-25
(guygregory/modelmeters.com, d4a6410). The API itself was never called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from local.rates import azure
from shared.core.cost import rates
from shared.core.cost.rates import Rate

RECORDED: Final = Path(__file__).parent / "retail_prices.ndjson"
ITEMS: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()
]
NAMES: Final = [
    "gpt-4o",
    "gpt-4o-2024-08-06",
    "gpt-4o-2024-11-20",
    "gpt-4o-mini-2024-07-18",
    "gpt-4.1",
    "gpt-4.1-2025-04-14",
    "gpt-4.1-mini",
    "gpt-5-2025-08-07",
    "gpt-4o-transcribe",
    "gpt-image-1",
    "o3-pro",
    "text-embedding-3-small",
    "text-embedding-ada-002",
]
LISTED: Final = azure.rates_of(ITEMS, NAMES, "eastus", "2025-08-25")


def retail_rate(model: str, sku: str = "GlobalStandard", tier: str = "", variant: str = "") -> Rate:
    (rate,) = [
        rate
        for rate in LISTED.rates
        if (rate.model, rate.sku, rate.tier, rate.variant) == (model, sku, tier, variant)
    ]
    return rate


def prices(*numbers: str) -> dict[str, Decimal]:
    parts = ("input", "cached", "cache_write", "output", "reasoning")
    return dict(zip(parts, map(Decimal, numbers), strict=True))


@pytest.mark.parametrize(
    ("model", "sku", "tier", "expected"),
    [
        ("gpt-4o-2024-11-20", "GlobalStandard", "", ("2.5", "1.25", "2.5", "10", "10")),
        ("gpt-4o-2024-11-20", "Standard", "", ("2.75", "1.375", "2.75", "11", "11")),
        ("gpt-4o-2024-11-20", "DataZoneStandard", "", ("2.75", "1.375", "2.75", "11", "11")),
        ("gpt-4o-2024-11-20", "GlobalStandard", "batch", ("1.25", "1.25", "1.25", "5", "5")),
        ("gpt-4o-2024-08-06", "Standard", "", ("2.75", "2.75", "2.75", "11", "11")),
        # without a version in the list: every version
        ("gpt-4.1", "GlobalStandard", "", ("2", "0.5", "2", "8", "8")),
        ("gpt-4.1-2025-04-14", "GlobalStandard", "", ("2", "0.5", "2", "8", "8")),
        # by the million, and by another name
        ("gpt-5-2025-08-07", "GlobalStandard", "", ("1.25", "0.125", "1.25", "10", "10")),
    ],
)
def test_meters_become_rates(model: str, sku: str, tier: str, expected: tuple[str, ...]) -> None:
    """Prices of a thousand and of a million; words in any order, together or apart."""
    assert retail_rate(model, sku, tier).prices == prices(*expected)


def test_a_version_prices_no_other_version() -> None:
    """`gpt-4o` without its date is a name of which the list says nothing."""
    assert not [rate for rate in LISTED.rates if rate.model == "gpt-4o"]


def test_sound_images_and_embeddings_have_their_own_parts() -> None:
    transcribe, image = retail_rate("gpt-4o-transcribe").prices, retail_rate("gpt-image-1").prices
    assert (transcribe["input"], transcribe["audio_input"]) == (Decimal("2.5"), Decimal(6))
    assert (image["image_input"], image["image_output"]) == (Decimal(10), Decimal(40))
    assert retail_rate("text-embedding-3-small").prices["input"] == Decimal("0.02")
    assert retail_rate("text-embedding-ada-002", "Standard").prices["input"] == Decimal("0.1")


def test_pictures_have_a_price_for_each_quality_and_size() -> None:
    assert retail_rate("dall-e-3", "Standard", variant="standard 1024x1024").prices == {
        "images": Decimal(40)
    }
    assert retail_rate("dall-e-3", "Standard", variant="hd 1792x1024").prices == {
        "images": Decimal(120)
    }


def test_calls_of_tools_have_a_price_for_every_model() -> None:
    (tools,) = [rate.prices for rate in LISTED.rates if rate.model == "*"]
    assert tools == {"file_search": Decimal("2.5"), "code_interpreter": Decimal(30)}


def test_what_fits_no_name_is_reported_and_not_guessed() -> None:
    """Meters of other things than calls by the token are not guessed either: fine-tuning,
    provisioned throughput.
    """
    assert LISTED.unmatched == ["gpt-4o-aud-1217 Inp glbl", "gpt-oss-120B Inp glbl"]


def test_a_list_replaces_a_rate_and_keeps_what_it_does_not_price() -> None:
    base = rates.parse(
        "model,sku,currency,input,audio_input,as_of,source\n"
        "gpt-4.1,GlobalStandard,USD,3,9,2024-01-01,a page\n"
        "gpt-9,GlobalStandard,USD,3,9,2024-01-01,a page\n"
    )
    merged = {rate.key: rate for rate in azure.merge(base, LISTED.rates, only_missing=False)}
    rate = merged["gpt-4.1", "GlobalStandard", "", "", ""]
    assert (rate.prices["input"], rate.prices["audio_input"]) == (Decimal(2), Decimal(9))
    assert rate.as_of == "2025-08-25"
    assert rate.source == "Azure retail list eastus; audio_input: a page"
    again = {
        rate.key: rate for rate in azure.merge(merged.values(), LISTED.rates, only_missing=False)
    }
    assert again == merged
    assert merged["gpt-9", "GlobalStandard", "", "", ""].source == "a page"


def test_an_older_list_fills_only_what_no_list_priced() -> None:
    base = rates.parse(
        "model,sku,currency,input,source\n"
        'gpt-4.1,GlobalStandard,USD,3,"litellm, Azure retail list eastus"\n'
        "gpt-4.1,Standard,USD,3,a page\n"
    )
    merged = {rate.key: rate for rate in azure.merge(base, LISTED.rates, only_missing=True)}
    assert merged["gpt-4.1", "GlobalStandard", "", "", ""].prices["input"] == 3
    assert merged["gpt-4.1", "Standard", "", "", ""].prices["input"] == Decimal("2.2")


def test_the_list_is_read_page_after_page() -> None:
    """A stand-in of the API pages as Azure's does."""
    requests = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request.url)
        first = "$skip" not in request.url.params
        following = f"{azure.ADDRESS}?$skip=20" if first else None
        items = ITEMS[:20] if first else ITEMS[20:]
        return httpx.Response(200, json={"Items": items, "NextPageLink": following})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert list(azure.read_list(client, "eastus")) == ITEMS
    assert "armRegionName eq 'eastus'" in requests[0].params["$filter"]
    assert "Foundry Models" in requests[0].params["$filter"]


def test_a_list_that_cannot_be_read_whole_is_an_error() -> None:
    """Half a list would leave old prices without a word."""
    answers: Iterator[httpx.Response] = iter(
        [
            httpx.Response(200, json={"Items": ITEMS, "NextPageLink": azure.ADDRESS}),
            httpx.Response(429),
        ]
    )
    transport = httpx.MockTransport(lambda _: next(answers))
    with httpx.Client(transport=transport) as client, pytest.raises(httpx.HTTPStatusError):
        list(azure.read_list(client, "eastus"))
