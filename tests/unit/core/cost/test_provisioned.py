"""The flat cost of provisioned throughput: what it is, and who bears it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.cost.provisioned import UNUSED, Use, parse_reservations, shares, weight
from shared.errors import RateError
from tests.unit.core.cost.card import AT, CARD, quantities

HEAD = "deployment,units,unit_hour,currency,valid_from,valid_to\n"
# from noon on the first to midnight after the third: 60 hours of 20 USD
PTU = parse_reservations(HEAD + "ptu,10,2,USD,2026-11-01T12:00,2026-11-04\n")
SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def use(caller: str, amount: str | None, deployment: str = "ptu") -> Use:
    value = None if amount is None else Decimal(amount)
    return Use(deployment=deployment, caller=caller, weight=value)


def amounts(*uses: Use) -> dict[str, Decimal]:
    return {share.caller: share.amount for share in shares(PTU, uses, SINCE, UNTIL)}


def test_it_costs_the_hours_that_it_was_there() -> None:
    """Only hours within the range of time count."""
    (ptu,) = PTU
    assert ptu.amount(SINCE, UNTIL) == 1200
    assert ptu.amount(SINCE, datetime(2026, 11, 1, 12, 30, tzinfo=UTC)) == 10
    assert ptu.amount(UNTIL, UNTIL + timedelta(days=1)) == 0


def test_a_reservation_without_times_was_always_there() -> None:
    (always,) = parse_reservations(HEAD + "ptu,10,2,USD,,\n")
    assert always.amount(SINCE, UNTIL) == 30 * 24 * 20


def test_a_reservation_outside_the_range_costs_nobody() -> None:
    assert shares(PTU, [use("search", "1")], UNTIL, UNTIL + timedelta(days=1)) == []


def test_callers_bear_it_by_what_their_calls_would_have_cost() -> None:
    assert amounts(use("search", "2"), use("mail", "1"), use("search", "1")) == {
        "search": 900,
        "mail": 300,
    }


def test_unused_capacity_is_named() -> None:
    """Calls without a list price are no use that can be weighed."""
    assert amounts() == {UNUSED: 1200}
    (share,) = shares(PTU, [use("search", None)], SINCE, UNTIL)
    assert (share.caller, share.exchanges, share.unweighted) == (UNUSED, 1, 1)
    assert amounts(use("search", "1", deployment="another")) == {UNUSED: 1200}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 10**6)), min_size=1))
def test_shares_sum_to_the_whole(calls: list[tuple[str, int]]) -> None:
    shared_amounts = amounts(*(use(caller, str(amount)) for caller, amount in calls))
    assert float(sum(shared_amounts.values())) == pytest.approx(1200)


def test_a_call_weighs_its_cost_by_the_token() -> None:
    """A call that spilled over is billed by the token, and a repeated one was counted before."""
    ptu = quantities(sku="GlobalProvisionedManaged")
    by_token = Decimal(100 * 2 + 50 * 1 + 20 * 10 + 5 * 10) / 10**6 + Decimal("0.000025")
    assert weight(ptu, CARD, AT) == by_token
    assert weight(quantities(sku="GlobalProvisionedManaged", spilled_over=True), CARD, AT) == 0
    assert weight(quantities(sku="GlobalProvisionedManaged", basis="repeated"), CARD, AT) == 0
    assert weight(quantities(sku="GlobalProvisionedManaged", model="new"), CARD, AT) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deployment,units\n", "the columns must be"),
        (HEAD + "ptu,ten,2,USD,,\n", "line 2 is not a reservation"),
        (HEAD + "ptu,10,2,USD,soon,\n", "line 2 is not a reservation"),
    ],
    ids=["columns", "units", "time"],
)
def test_a_mistake_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(RateError, match=message):
        parse_reservations(text)
