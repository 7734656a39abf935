"""The costs of the same usage by two other programs, as recorded in oracles.json.

litellm 1.106.4 (`cost_per_token`, provider azure) and genai-prices 0.2.3 (`calc_price`, provider
azure, at 2026-11-01) were run once: as dependencies of the tests they would bring sixty packages.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from shared import rate_files
from shared.core.cost.cost import CostStatus, cost
from shared.core.cost.quantities import Quantities, split_tokens

CASES: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "oracles.json").read_text("utf-8")
)["cases"]
AT: Final = datetime(2026, 11, 1, tzinfo=UTC)
CARD: Final = rate_files.read_card()
# Where genai-prices says something else, and why.
DIFFERENCES: Final = {
    "data zone": "it knows no data zones, and takes the price of the world",
    "embedding": "it knows no data zones, and takes the price of the world",
    "priority": "it knows no tiers, and takes the price of the default one",
    "flex": "it knows no tiers, and takes the price of the default one",
    "sound": "it has OpenAI's price of a token of sound (32 and 64), not Azure's (40 and 80)",
}


def amount(case: dict[str, Any]) -> Decimal:
    tokens: dict[str, Any] = {**split_tokens(case["usage"])}
    measured = Quantities(
        basis="usage",
        model=case["model"],
        model_source="header",
        sku="DataZoneStandard" if case["zone"] else "GlobalStandard",
        zone=case["zone"] or None,
        service_tier=case["tier"] or None,
        **tokens,
    )
    result = cost(measured, CARD, AT)
    assert result.status is CostStatus.EXACT
    assert result.amount is not None
    return result.amount


@pytest.mark.parametrize("name", CASES)
def test_litellm_says_the_same(name: str) -> None:
    """The amounts agree up to the tenth digit: litellm adds floating-point numbers."""
    assert round(amount(CASES[name]), 10) == Decimal(CASES[name]["litellm"])


@pytest.mark.parametrize("name", CASES)
def test_rates_agree_with_genai_prices(name: str) -> None:
    """Each difference has a known reason."""
    same = amount(CASES[name]) == Decimal(CASES[name]["genai_prices"])
    assert same is (name not in DIFFERENCES)
