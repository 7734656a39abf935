"""The functions of cost: as shared/core/cost for each exchange, and what FinOps asks of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from local.cost.exchange_cost import use_of
from local.rates import kusto
from shared import rate_files
from shared.core.cost.billing_inputs import quantities_of
from shared.core.cost.cost import cost
from shared.core.cost.provisioned import parse_reservations, shares
from tests.infra.analysts import (
    AT_NOON,
    EVENTS,
    FOLDER,
    NOON,
    RESERVATION,
    ROWS,
    call,
    delivered_row,
)
from tests.infra.kql import KqlRow

CARD: Final = rate_files.read_card()
# 100 tokens in, 40 of them cached, 20 out: 0.0004 USD at the rates of gpt-4o.
USED: Final = {
    "basis": "usage",
    "model": "gpt-4o-2024-11-20",
    "model_source": "header",
    "sku": "GlobalStandard",
    "input": 60,
    "cached": 40,
    "output": 20,
}
PRICE: Final = (60 * 2.5 + 40 * 1.25 + 20 * 10) / 1_000_000
_KINDS: Final[list[dict[str, Any]]] = [
    {},
    {"sku": "DataZoneStandard", "zone": "eu"},
    {"sku": "DataZoneStandard"},
    {"sku": "GlobalBatch"},
    {"sku": "GlobalProvisionedManaged"},
    {"sku": "GlobalProvisionedManaged", "spilled_over": True},
    {"sku": "Standard"},
    {"sku": None},
    {"service_tier": "priority", "model": "gpt-5.4"},
    {"service_tier": "scale"},
    {"model": "gpt-5.4", "input": 272_000},
    {"model": "gpt-5.4", "input": 271_960},
    {"model": None},
    {"model_source": "deployment"},
    {"web_search": 2, "code_interpreter": 1},
    {"file_search": 1},
    {"routed_input": 100},
    {"audio_input": 3},
    {"model": "gpt-audio", "audio_input": 3, "audio_output": 5},
    {"basis": "estimate"},
    {"basis": "repeated"},
    {"basis": "nothing"},
    {"basis": "unknown"},
]


def exchange(
    name: str, minutes: int = 0, changes: dict[str, Any] | None = None, **event: Any
) -> KqlRow:
    """A row of an exchange that used USED, with changes of its quantities and of its event."""
    quantities = {
        key: value
        for key, value in (USED | (changes or {})).items()
        if value is not None or key == "model"
    }
    ended_at = (NOON + timedelta(minutes=minutes)).replace(tzinfo=None)
    return delivered_row(
        AT_NOON
        | {"exchange_id": name, "quantities": quantities, "timestamp": ended_at.isoformat()}
        | event
    )


def test_every_exchange_costs_what_the_pure_function_says() -> None:
    """All golden events, and each kind of deployment, tier and basis: two programs, one result."""
    rows = [*ROWS, *(exchange(f"kind-{index}", changes=kind) for index, kind in enumerate(_KINDS))]
    found = {row["exchange_id"]: row for row in call("priced", rows)}
    assert len(found) == len(EVENTS) + len(_KINDS)
    statuses = set()
    for row in rows:
        event = json.loads(row["event"])
        at = datetime.fromisoformat(event["timestamp"]).replace(tzinfo=UTC)
        expected = cost(quantities_of(event), CARD, at)
        priced = found[row["exchange_id"]]
        statuses.add(priced["status"])
        assert priced["status"] == expected.status, row["exchange_id"]
        if expected.amount is None:
            assert priced["amount"] is None
        else:
            assert priced["amount"] == pytest.approx(float(expected.amount), abs=1e-12)
    assert statuses == {"exact", "estimated", "missing", "unpriced", "provisioned", "repeated"}


def test_a_rate_of_the_company_comes_before_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts in its range of time alone; so a wrong price is corrected without a replay."""
    own = _global_rates()[0]
    own |= {"layer": "1", "valid_from": "2026-11-23", "valid_to": "2026-11-24"}
    own |= {"prices": '{"input":1,"cached":1,"output":1}'}
    monkeypatch.setattr("tests.infra.analysts.RATES", [*_global_rates(), own])
    rows = [exchange("a"), exchange("b", minutes=24 * 60)]
    amounts = {row["exchange_id"]: row["amount"] for row in call("priced", rows)}
    assert amounts == {"a": pytest.approx(120e-6), "b": pytest.approx(PRICE)}


def _global_rates() -> list[KqlRow]:
    return [
        row
        for row in kusto.rate_rows(rate_files.FOLDER)
        if (row["model"], row["sku"], row["tier"]) == (USED["model"], USED["sku"], "")
    ]


def test_costs_are_grouped_by_day_team_deployment_and_model() -> None:
    rows = [
        exchange("a", caller={"team": "search"}),
        exchange("b", caller={"team": "search"}),
        exchange("c", caller={"team": "mail"}),
        exchange("d", caller={"team": "mail"}, minutes=24 * 60),
        exchange("e", caller={"team": "mail"}, deployment="other"),
    ]
    found = call("costs", rows)
    sums = {
        (row["day"].day, row["caller"], row["deployment"]): (row["exchanges"], row["amount"])
        for row in found
    }
    name = AT_NOON["deployment"]
    assert sums == {
        (23, "search", name): (2, pytest.approx(2 * PRICE)),
        (23, "mail", name): (1, pytest.approx(PRICE)),
        (24, "mail", name): (1, pytest.approx(PRICE)),
        (23, "mail", "other"): (1, pytest.approx(PRICE)),
    }


def test_what_failed_and_what_was_cut_is_named_with_its_cost() -> None:
    """A cut call is billed for what was made of it."""
    rows = [
        exchange("a"),
        exchange("b", outcome="client_disconnected"),
        exchange("c", outcome="upstream_interrupted", changes={"basis": "estimate"}),
        exchange("d", outcome="upstream_error"),
        exchange("e", changes={"basis": "unknown"}, outcome="aborted"),
    ]
    (row,) = call("costs", rows)
    assert row["amount"] == pytest.approx(4 * PRICE)
    assert row["cut_amount"] == pytest.approx(2 * PRICE)
    assert row["failed_amount"] == pytest.approx(PRICE)
    assert (row["unknown"], row["estimated"]) == (1, 1)


def test_the_cached_share_is_that_of_the_input() -> None:
    (row,) = call("costs", [exchange("a"), exchange("b", changes={"cached": 0})])
    assert row["cached_share"] == pytest.approx(40 / 160)


def test_spillover_is_counted_and_priced_by_the_token() -> None:
    provisioned = {"sku": "GlobalProvisionedManaged"}
    rows = [
        exchange("a", changes=provisioned),
        exchange("b", changes=provisioned | {"spilled_over": True}),
    ]
    (row,) = call("costs", rows)
    assert (row["spilled"], row["spilled_amount"]) == (1, pytest.approx(PRICE))
    assert row["amount"] == pytest.approx(PRICE)


def test_models_without_a_rate_are_listed() -> None:
    """A model with an unknown quantity is listed apart: no rate would help."""
    rows = [
        exchange("a"),
        exchange("b", changes={"model": "gpt-9"}),
        exchange("c", changes={"model": "gpt-9"}),
        exchange("d", changes={"basis": "unknown"}),
    ]
    found = {(row["status"], row["model"]): row["exchanges"] for row in call("unpriced", rows)}
    assert found == {("unpriced", "gpt-9"): 2, ("missing", USED["model"]): 1}


def test_provisioned_cost_is_shared_by_use() -> None:
    """Ten units of 2 USD for 24 hours are 480 USD, whatever the calls are."""
    provisioned = {"sku": "ProvisionedManaged", "model": "gpt-4-0613"}
    rows = [
        exchange("a", deployment="ptu", changes=provisioned, caller={"team": "search"}),
        exchange("b", deployment="ptu", changes=provisioned, caller={"team": "search"}),
        exchange("c", deployment="ptu", changes=provisioned, caller={"team": "search"}),
        exchange("d", deployment="ptu", changes=provisioned, caller={"team": "mail"}),
        exchange("e", deployment="other", caller={"team": "mail"}),
    ]
    idle = RESERVATION | {"deployment": "idle"}
    found = call("provisioned", rows, reservations=[RESERVATION, idle])
    amounts = {(row["deployment"], row["caller"]): row["amount"] for row in found}
    assert amounts == {
        ("ptu", "search"): pytest.approx(360),
        ("ptu", "mail"): pytest.approx(120),
        ("idle", "unused"): pytest.approx(480),
    }


def test_both_programs_share_the_flat_cost_alike() -> None:
    """Calls that spilled over have no share, and calls without a list price are counted apart."""
    provisioned = {"sku": "ProvisionedManaged", "model": "gpt-4-0613"}
    kinds: list[dict[str, Any]] = [
        {},
        {"input": 7000},
        {"spilled_over": True},
        {"model": "gpt-9"},
        {"basis": "unknown", "input": 0, "cached": 0, "output": 0},
        {"basis": "repeated"},
    ]
    rows = [
        exchange(f"{team}-{number}", deployment="ptu", changes=provisioned | kind, caller=caller)
        for team, caller in (("a", {"team": "search"}), ("b", {"product": "mail"}), ("c", {}))
        for number, kind in enumerate(kinds[: 4 if team == "b" else None])
    ]
    idle = RESERVATION | {"deployment": "idle", "units": 3}
    since, until = NOON - timedelta(hours=5), NOON + timedelta(hours=7)
    found = {
        (row["deployment"], row["caller"]): row
        for row in call("provisioned", rows, since, until, [RESERVATION, idle])
    }
    text = "\n".join(
        [",".join(RESERVATION), *(",".join(map(str, row.values())) for row in (RESERVATION, idle))]
    )
    uses = [use for row in rows if (use := use_of(json.loads(row["event"]), CARD)) is not None]
    expected = shares(parse_reservations(text), uses, since, until)
    assert len(expected) == 4
    assert found.keys() == {(share.deployment, share.caller) for share in expected}
    for share in expected:
        row = found[share.deployment, share.caller]
        assert row["amount"] == pytest.approx(float(share.amount))
        assert (row["exchanges"], row["unweighted"]) == (share.exchanges, share.unweighted)
        assert row["currency"] == share.currency


def test_a_reservation_counts_for_the_queried_hours() -> None:
    """The question begins and ends within it."""
    since = NOON - timedelta(hours=1)
    (row,) = call("provisioned", [], since, NOON + timedelta(hours=2), [RESERVATION])
    assert row["amount"] == pytest.approx(3 * 20)


@pytest.mark.parametrize("name", ["rates.kql", "reservations.kql"])
def test_the_functions_hold_what_the_files_of_rates_say(name: str) -> None:
    """`python -m local.rates.kusto` writes them again; Bicep loads no file of more than 131,072
    characters.
    """
    text = (FOLDER / name).read_text()
    assert text == kusto.files(rate_files.FOLDER)[name]
    assert len(text) < 131_072
