"""The cost of an exchange: parts, status, and what holds for every quantity and every rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.cost.cost import Cost, CostStatus, cost
from shared.core.cost.quantities import PARTS, Quantities, parts_of
from shared.core.cost.rates import UNITS, RateCard, parse
from tests.unit.core.cost.card import AT, CARD, quantities


def of(**changes: Any) -> Cost:
    return cost(quantities(**changes), CARD, AT)


def at(time: datetime) -> Cost:
    return cost(quantities(), CARD, time)


def test_each_part_costs_its_quantity_times_its_rate() -> None:
    result = of()
    assert result.status is CostStatus.EXACT
    assert result.currency == "USD"
    assert result.parts == {
        "input": Decimal("0.0002"),
        "cached": Decimal("0.00005"),
        "cache_write": Decimal("0.000025"),
        "output": Decimal("0.0002"),
        "reasoning": Decimal("0.00005"),
    }
    assert result.amount == Decimal("0.000525")


@pytest.mark.parametrize(
    ("changes", "input_price"),
    [
        ({"input": 1000}, 4),  # with what was cached, above the limit
        ({"input": 940}, 2),  # exactly at it
        ({"service_tier": "priority"}, 8),
        ({"service_tier": "default"}, 2),
        ({"sku": "GlobalBatch"}, 1),
        ({"sku": "DataZoneStandard", "zone": "eu"}, Decimal("2.2")),
        ({"model": "GPT"}, 2),
    ],
)
def test_a_rate_holds_for_model_type_zone_tier_and_context(
    changes: dict[str, Any], input_price: Decimal | int
) -> None:
    result = of(**changes)
    amount = changes.get("input", 100)
    assert result.parts["input"] == amount * Decimal(input_price) / 1_000_000


def test_a_rate_holds_from_its_first_day_until_its_last() -> None:
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    assert at(new_year - timedelta(microseconds=1)).parts["input"] == Decimal("0.0004")
    assert at(new_year).parts["input"] == Decimal("0.0002")


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "estimate"},
        {"sku": None},
        {"sku": "DataZoneStandard", "zone": None},
        {"model_source": "deployment"},
    ],
)
def test_what_is_assumed_makes_an_estimate(changes: dict[str, Any]) -> None:
    result = of(**changes)
    assert result.status is CostStatus.ESTIMATED
    assert result.amount


def test_an_exchange_that_another_one_counts_costs_nothing() -> None:
    result = of(basis="repeated")
    assert (result.status, result.amount, result.parts) == (CostStatus.REPEATED, Decimal(0), {})


def test_an_exchange_without_billing_costs_exactly_nothing() -> None:
    assert of(basis="nothing") == Cost(
        status=CostStatus.EXACT, amount=Decimal(0), currency=None, parts={}
    )


def test_unknown_quantities_have_no_amount() -> None:
    """Zero would be a lie."""
    assert (of(basis="unknown").status, of(basis="unknown").amount) == (CostStatus.MISSING, None)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"model": "gpt-9"}, ("model",)),
        ({"model": None}, ("model",)),
        ({"sku": "Standard"}, ("model",)),
        ({"service_tier": "scale"}, ("model",)),
        ({"audio_input": 3}, ("audio_input",)),
        ({"file_search": 1}, ("file_search",)),
    ],
)
def test_what_no_rate_prices_has_no_amount_and_a_name(
    changes: dict[str, Any], names: tuple[str, ...]
) -> None:
    result = of(**changes)
    assert (result.status, result.amount, result.unpriced) == (CostStatus.UNPRICED, None, names)


def test_provisioned_is_billed_by_the_hour() -> None:
    """Its spillover is billed by the token. A spilled call has the rates of the standard deployment
    of the same reach.
    """
    provisioned = of(sku="GlobalProvisionedManaged")
    assert (provisioned.status, provisioned.amount) == (CostStatus.PROVISIONED, Decimal(0))
    spilled = of(sku="GlobalProvisionedManaged", spilled_over=True)
    assert spilled == of()


def test_calls_of_tools_have_rates_of_their_own() -> None:
    assert of(web_search=2).parts["web_search"] == Decimal("0.02")


def test_a_model_router_has_a_fee_of_its_own() -> None:
    assert of(routed_input=100).parts["routed_input"] == Decimal("0.000014")


def test_images_are_priced_by_quality_and_size() -> None:
    """Tokens that stand for them are priced instead."""
    picture = {"model": "picture", "images": 2, "image_size": "1024x1024", "image_quality": "hd"}
    none = dict.fromkeys(("input", "cached", "cache_write", "output", "reasoning"))
    assert of(basis="count", **picture, **none).amount == Decimal("0.16")
    assert "images" not in of(images=2).parts


def test_a_companys_rates_come_before_the_base() -> None:
    """The base counts where they do not apply."""
    own = parse(
        "model,sku,valid_from,valid_to,currency,input,cached,cache_write,output,reasoning,source\n"
        "gpt,GlobalStandard,2026-11-01,2026-12-01,USD,1,1,1,1,1,contract 17\n"
    )
    card = RateCard(own, below=CARD)
    assert cost(quantities(), card, AT).amount == Decimal("0.000185")
    assert cost(quantities(), card, AT - timedelta(days=1)) == at(AT - timedelta(days=1))


_counts = st.integers(min_value=0, max_value=10**9)
_prices = st.decimals(min_value=0, max_value=1000, places=4)
_used = st.dictionaries(st.sampled_from(PARTS), _counts)


def _used_of(used: dict[str, int]) -> Quantities:
    return quantities(**(dict.fromkeys(PARTS) | used))


def _card(prices: dict[str, Decimal]) -> RateCard:
    """The same prices for the model and for the calls of tools."""
    model, tools = parse("model,sku,currency,source\ngpt,GlobalStandard,USD,a\n*,,USD,a\n")
    return RateCard([replace(model, prices=prices), replace(tools, prices=prices)])


@given(_used, st.fixed_dictionaries(dict.fromkeys(PARTS, _prices)))
def test_the_parts_sum_to_the_whole(used: dict[str, int], prices: dict[str, Decimal]) -> None:
    """Each part is its quantity times its price."""
    card = _card(prices)
    measured = _used_of(used)
    result = cost(measured, card, AT)
    assert result.amount == sum(result.parts.values(), Decimal(0))
    for part, amount in parts_of(measured).items():
        assert result.parts[part] * UNITS[part] == Decimal(amount) * prices[part]


@given(_used, _used, st.fixed_dictionaries(dict.fromkeys(PARTS, _prices)))
def test_more_never_costs_less(
    used: dict[str, int], more: dict[str, int], prices: dict[str, Decimal]
) -> None:
    """The prices are those of one rate. (A long context has another one, which is higher for every
    token.)
    """
    card = _card(prices)
    sums = {part: used.get(part, 0) + more.get(part, 0) for part in PARTS}
    less = cost(_used_of(used), card, AT).amount
    amount = cost(_used_of(sums), card, AT).amount
    assert less is not None
    assert amount is not None
    assert amount >= less


@given(_used)
def test_a_repetition_of_any_usage_counts_nothing(used: dict[str, int]) -> None:
    repetition = replace(_used_of(used), basis="repeated")
    assert cost(repetition, CARD, AT).amount == 0
