"""The names of resources (names.bicep) for every environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra import switches
from tests.infra.bicep import Evaluator
from tests.infra.switches import PLAIN


@pytest.mark.parametrize(
    ("environment", "plan"),
    [
        ("my_env", "plan-my-env"),
        ("Team.A (west)", "plan-team-a-west"),
        ("x" * 64, f"plan-{'x' * 20}"),
        ("_", "plan-fnsse"),
        ("abcdefghijklmnopqrs-tuv", "plan-abcdefghijklmnopqrs"),
    ],
)
def test_environment_names_become_valid_names(
    environment: str, plan: str, evaluator: Evaluator, tmp_path: Path
) -> None:
    """azd allows 64 letters, digits, and - _ . ( ) for an environment, and Azure less for its
    resources. The tag keeps the name as it is: azd looks for that.
    """
    parameters = switches.parameters(PLAIN, "param analytics = 'adx'")
    deployment = evaluator.evaluate(parameters.replace(switches.ENVIRONMENT, environment), tmp_path)
    made = deployment.one("Microsoft.Web/serverfarms")
    assert (made["name"], made["tags"]["azd-env-name"]) == (plan, environment)
    assert len(deployment.one("Microsoft.ApiManagement/service")["name"]) <= 50
    connection = deployment.one("Microsoft.Kusto/clusters/databases/dataConnections")
    consumer_group = connection["properties"]["consumerGroup"]
    assert re.fullmatch(r"[A-Za-z0-9]([\w.-]{0,48}[A-Za-z0-9])?", consumer_group, re.ASCII)


def test_no_two_environments_share_a_name_on_a_gateway(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """This holds for names that begin alike or differ in what names leave out, and for one name in
    two groups, for which the regions stand here: both are in the hash.
    """
    environments = [
        *("contoso-llm-gateway-prod", "contoso-llm-gateway-test", "a.b", "a-b"),
        *("dev", "dev"),
    ]
    subscriptions = [
        evaluator.evaluate(
            switches.parameters(PLAIN, f"param location = '{region}'").replace(
                switches.ENVIRONMENT, environment
            ),
            tmp_path,
        ).outputs["subscriptionName"]
        for environment, region in zip(
            environments, [*["westeurope"] * 5, "francecentral"], strict=True
        )
    ]
    assert len(set(subscriptions)) == len(environments)
    assert all(len(name.removesuffix("-first")) <= 40 for name in subscriptions)
