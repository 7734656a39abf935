"""Which deployment answered, as far as the operator lists it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.core.cost.deployments import DeploymentProfile
from shared.core.cost.quantities import Quantities
from shared.core.event import builder
from tests.golden import load

PROVISIONED = DeploymentProfile(sku="ProvisionedManaged")
GLOBAL = DeploymentProfile(sku="GlobalStandard")


def polled(deployments: dict[str, DeploymentProfile], model: str) -> Quantities:
    """Of the poll of a background response, which names no deployment."""
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
    assert polled(deployments, model).sku == sku
