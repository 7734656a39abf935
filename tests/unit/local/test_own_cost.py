"""The cost of fnsse itself: the table of the page, and the part that grows with the calls."""

from __future__ import annotations

import csv
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from local.cost import own_cost
from local.cost.own_cost import CostKind, Owner, ServicePrice, Traffic

_DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = (_DOCS / "how-to" / "estimate-cost.md").read_text("utf-8")
REFERENCE: Final = (_DOCS / "reference" / "cost-of-running.md").read_text("utf-8")
PRICES: Final = own_cost.read_prices()
MILLION: Final = Traffic(calls=Decimal(1_000_000))


def test_the_page_has_the_table_that_the_program_makes() -> None:
    """`make cost` writes it again."""
    assert "\n".join(own_cost.table(own_cost.CALLS, PRICES)) in PAGE


def test_every_price_has_the_name_that_the_formula_uses() -> None:
    """Each item of the program has a price."""
    formula = set(re.findall(r"`(p_\w+)`", REFERENCE)) - {"p_transfer_gb"}
    assert formula == set(PRICES)
    assert {item.price for item in own_cost.items(MILLION)} <= set(PRICES)


def test_every_price_says_where_it_was_read_and_when() -> None:
    """The one whose source has no date says so, and so does the page."""
    with own_cost.FILE.open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert all(row["source"] for row in rows)
    undated = {row["name"]: row["source"] for row in rows if not row["as_of"]}
    for row in rows:
        if row["name"] not in undated:
            date.fromisoformat(row["as_of"])  # raises for what is no date
    assert undated.keys() == {"p_apim_request"}
    assert undated["p_apim_request"].endswith("without a date")
    assert "`p_apim_request`, has no date" in " ".join(PAGE.split())


@pytest.mark.parametrize(
    ("price", "quantity"),
    [
        ("p_blob_write", 250 + Decimal("70.08")),
        ("p_blob_read", 200),
        ("p_queue", Decimal("517.18") + Decimal("48.18")),
        ("p_table", Decimal("109.5")),
        ("p_execution", Decimal("2.0438")),
        ("p_gb_s", 1_300_000),
        ("p_ready_gb_s", 10_512_000),
        ("p_ingress", 1),
        ("p_tu_h", 730),
    ],
)
def test_a_million_calls_take_what_the_worked_example_says(
    price: str, quantity: Decimal | int
) -> None:
    """The page counts in the units of the price."""
    items = [item for item in own_cost.items(MILLION) if item.price == price]
    total = sum((item.quantity for item in items), Decimal(0)) / PRICES[price].unit
    assert total == quantity


def test_only_variable_costs_grow_with_calls() -> None:
    """Fixed costs do not grow with the calls, and the rest does."""
    ten = Traffic(calls=MILLION.calls * 10)
    less, more = own_cost.amounts(MILLION, PRICES), own_cost.amounts(ten, PRICES)
    for owner in Owner:
        assert less[owner, CostKind.FIXED] == more[owner, CostKind.FIXED]
        assert more[owner, CostKind.VARIABLE] > 9 * less[owner, CostKind.VARIABLE]


def test_what_is_included_costs_nothing() -> None:
    price = ServicePrice(unit=Decimal(10), included=Decimal(100), price=Decimal(2))
    assert price.amount(Decimal(100)) == 0
    assert price.amount(Decimal(150)) == 10


def test_an_event_above_64_kb_counts_twice() -> None:
    large = Traffic(calls=Decimal(10), event_kb=Decimal(65))
    (ingress,) = [item for item in own_cost.items(large) if item.price == "p_ingress"]
    assert ingress.quantity == 20


def test_the_bill_ends_with_both_sums() -> None:
    *_, without, whole = own_cost.bill(MILLION, PRICES)
    sums = own_cost.amounts(MILLION, PRICES)
    app = sums[Owner.APP, CostKind.FIXED] + sums[Owner.APP, CostKind.VARIABLE]
    assert without.endswith(f"{app:,.2f}")
    assert whole.endswith(f"{sum(sums.values()):,.2f} USD")
