"""The cost within an event: only with a card, and in step with who counts the usage. Its quantities
are those of the deployment that answered, as far as the operator lists it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from decimal import Decimal

import pytest

from harness.sample_envelope import PLAIN
from harness.schema import valid
from shared.core.cost.deployments import DeploymentProfile
from shared.core.cost.quantities import Quantities
from shared.core.cost.rates import CardTexts, RateCard, parse_card
from shared.core.event import builder, event_cost, usage_claim
from shared.core.event.builder import build
from shared.core.event.shape import Event, EventCost, to_json
from shared.core.wire.json.json_shape import mapping
from tests.golden import load

BASE = "model,sku,currency,input,output,source\ngpt,GlobalStandard,USD,1.25,10,a\n"
CARD = parse_card(CardTexts(base=BASE))


def sample_event(**changes: object) -> Event:
    quantities = Quantities(
        basis="usage", model="gpt", model_source="answer", sku="GlobalStandard", input=8, output=3
    )
    event = build(PLAIN, None, None, None)
    return dataclasses.replace(event, quantities=dataclasses.replace(quantities, **changes))  # type: ignore[arg-type]


def cost_of(event: Event, card: RateCard = CARD) -> EventCost:
    found = event_cost.with_cost(event, card).cost
    assert found is not None
    return found


def test_without_a_card_an_event_has_no_cost() -> None:
    """The key is absent, as before."""
    event = event_cost.with_cost(sample_event(), None)
    assert "cost" not in to_json(event)  # type: ignore[operator]


def test_amounts_are_decimal_texts_that_add_up() -> None:
    """They are not rounded, and have no exponent."""
    found = cost_of(sample_event(input=8, output=1))
    assert (found.status, found.currency) == ("exact", "USD")
    assert found.parts == {"input": "0.00001", "output": "0.00001"}
    assert found.amount == "0.00002"
    tiny = cost_of(sample_event(input=1, output=None))
    assert tiny.amount == "0.00000125"
    valid(mapping(to_json(event_cost.with_cost(sample_event(), CARD))))


def test_what_is_not_known_is_null_and_what_is_free_is_zero() -> None:
    assert cost_of(sample_event(basis="unknown")).amount is None
    assert cost_of(sample_event(basis="nothing")).amount == "0"
    assert cost_of(sample_event(model="other")).unpriced == ("model",)


@pytest.mark.parametrize(("repeated", "amount"), [(True, "0"), (False, "0.00004")])
def test_the_cost_follows_the_claim(repeated: bool, amount: str) -> None:
    event = usage_claim.mark_repeated(sample_event(), repeated=repeated)
    assert cost_of(event).amount == amount


def test_the_version_of_a_card_changes_with_its_prices() -> None:
    """The event says by it which prices it was made with."""
    versions = {
        parse_card(CardTexts(base=base, overlay=overlay)).version
        for base, overlay in (
            (BASE, None),
            (BASE.replace("1.25", "1.5"), None),
            (BASE, BASE),
        )
    }
    assert len(versions) == 3
    assert cost_of(sample_event()).card == CARD.version


def test_a_companys_rate_counts() -> None:
    overlay = BASE.replace("1.25", "1").replace(",10,", ",1,")
    card = parse_card(CardTexts(base=BASE, overlay=overlay))
    assert Decimal(cost_of(sample_event(), card).amount or 0) == Decimal("0.000011")


PROVISIONED = DeploymentProfile(sku="ProvisionedManaged")
GLOBAL = DeploymentProfile(sku="GlobalStandard")


def poll_quantities(deployments: dict[str, DeploymentProfile], model: str) -> Quantities:
    """The quantities of a poll of a background response, which names no deployment."""
    case = load("responses_get")
    assert case.response is not None
    assert case.envelope.deployment is None
    body = case.response.body.replace(b"gpt-5-2025-08-07", model.encode())
    response = replace(case.response, body=body)
    return builder.build(case.envelope, None, response, None, deployments).quantities


@pytest.mark.parametrize(
    ("deployments", "model", "sku"),
    [
        ({"gpt-5": PROVISIONED}, "gpt-5", "ProvisionedManaged"),
        ({"gpt-5": PROVISIONED, "*": GLOBAL}, "GPT-5", "ProvisionedManaged"),
        # the name of a model, and its deployment may be either
        ({"gpt-5": PROVISIONED, "*": GLOBAL}, "gpt-5-2025-08-07", None),
        ({"*": PROVISIONED}, "gpt-5-2025-08-07", "ProvisionedManaged"),
        ({}, "gpt-5", None),
    ],
    ids=["listed", "listed beside others", "not listed", "all the same", "no setting"],
)
def test_a_poll_is_priced_by_its_answers_deployment(
    deployments: dict[str, DeploymentProfile], model: str, sku: str | None
) -> None:
    """Without a name the type stays unknown, unless all deployments have the same."""
    assert poll_quantities(deployments, model).sku == sku
