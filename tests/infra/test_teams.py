"""Teams: a product, a subscription, a key in the vault and limits for each, and Entra tokens of
their applications.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from harness.tools import tool_path
from tests.infra import switches
from tests.infra.bicep import (
    INFRA,
    TENANT,
    Deployment,
    EvaluationError,
    Evaluator,
    gateway_properties,
)
from tests.infra.switches import PLAIN, setting_with

NAME: Final = switches.GATEWAY
APPLICATION: Final = "77777777-7777-4777-8777-777777777777"
TOKENS: Final = "param clientTokens = { audience: 'api://contoso-llm' }"
TEAMS: Final = f"""param teams = [
  {{ name: 'search', tokensPerMinute: 50000, monthlyTokens: 20000000, applicationIds: ['{APPLICATION}'] }}
  {{ name: 'mail', tokensPerMinute: 1000 }}
  {{ name: 'lab' }}
]"""


@pytest.fixture(scope="module")
def deployment(evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Three teams; one of them has an application that calls with a token."""
    parameters = switches.parameters(PLAIN, f"{TEAMS}\n{TOKENS}")
    return evaluator.evaluate(parameters, tmp_path_factory.mktemp("teams"))


def _parse(deployment: Deployment, end: str) -> Element:
    return ElementTree.fromstring(gateway_properties(deployment, end)["value"])  # noqa: S314 - of this repository


def test_each_team_has_a_product_and_a_subscription_of_its_own(deployment: Deployment) -> None:
    """The product leads to the one API and needs a key; the subscription is for it alone."""
    assert deployment.diagnostics == []
    for team in ("search", "mail", "lab"):
        product = f"products/{NAME}-team-{team}"
        assert gateway_properties(deployment, product)["subscriptionRequired"] is True
        link = gateway_properties(deployment, f"{product}/apiLinks/{NAME}-team-{team}")
        assert link["apiId"].endswith(f"/apis/{NAME}-openai")
        subscription = gateway_properties(deployment, f"subscriptions/{NAME}-team-{team}")
        assert subscription["scope"].endswith(f"/{product}")
        assert subscription["allowTracing"] is False


def test_a_teams_key_lies_in_the_vault(deployment: Deployment) -> None:
    """It has the name of the team's subscription, and lies nowhere else."""
    secrets = {
        secret["name"].rpartition("/")[2]: secret["properties"]["value"]
        for secret in deployment.of("Microsoft.KeyVault/vaults/secrets")
    }
    for team in ("search", "mail", "lab"):
        value = secrets[f"{NAME}-team-{team}"]
        assert re.match(rf"\[listSecrets\('[^']+/subscriptions/{NAME}-team-{team}', ", value)
    assert "listSecrets" not in str(deployment.outputs)


def test_the_vault_is_made_for_teams(evaluator: Evaluator, tmp_path: Path) -> None:
    """It is made even if the app itself needs no key."""
    parameters = switches.parameters(
        setting_with(callerAuth="entra"), "param teams = [{ name: 'search' }]"
    )
    deployment = evaluator.evaluate(parameters, tmp_path)
    names = [
        secret["name"].rpartition("/")[2]
        for secret in deployment.of("Microsoft.KeyVault/vaults/secrets")
    ]
    assert names == [f"{NAME}-team-search"]


@pytest.mark.parametrize(
    ("team", "limits"),
    [
        (
            "search",
            {
                "tokens-per-minute": "50000",
                "token-quota": "20000000",
                "token-quota-period": "Monthly",
            },
        ),
        ("mail", {"tokens-per-minute": "1000"}),
    ],
)
def test_limits_are_those_of_the_team(
    deployment: Deployment, team: str, limits: dict[str, str]
) -> None:
    """One counter for all keys and tokens of the team; prompts are not estimated."""
    policy = _parse(deployment, f"products/{NAME}-team-{team}/policies/policy")
    (limit,) = policy.iter("llm-token-limit")
    assert limit.attrib == {
        "counter-key": f"{NAME}-team-{team}",
        **limits,
        "estimate-prompt-tokens": "false",
    }


def test_a_team_without_limits_has_none(deployment: Deployment) -> None:
    policy = _parse(deployment, f"products/{NAME}-team-lab/policies/policy")
    assert not list(policy.iter("llm-token-limit"))


def test_a_products_policy_names_the_team(
    deployment: Deployment,
) -> None:
    """The product's inbound is the `<base />` of the API's, which then sets the header."""
    policy = _parse(deployment, f"products/{NAME}-team-search/policies/policy")
    (variable,) = policy.iter("set-variable")
    assert variable.attrib == {"name": "fnsseTeam", "value": "search"}
    for section in ("inbound", "backend", "outbound", "on-error"):
        assert policy.find(f"{section}/base") is not None
    inbound = _parse(deployment, f"apis/{NAME}-openai/policies/policy").find("inbound")
    assert inbound is not None
    assert inbound[0].tag == "base"
    header = inbound.find("set-header[@name='x-apim-team']/value")
    assert header is not None
    assert '"fnsseTeam"' in (header.text or "")


def test_a_keyless_caller_needs_a_teams_token(
    deployment: Deployment,
) -> None:
    """The token is of this tenant, for the audience, with the app role; then the caller is that
    team, with its limits. It is checked before the caller's credentials are deleted.
    """
    assert gateway_properties(deployment, f"apis/{NAME}-openai")["subscriptionRequired"] is False
    fragment = _parse(deployment, f"policyFragments/{NAME}-client-auth")
    (outer,) = fragment.findall("choose/when")
    assert outer.get("condition") == "@(context.Subscription == null)"
    (check,) = outer.findall("validate-azure-ad-token")
    assert check.get("tenant-id") == TENANT
    texts = {element.tag: element.text for element in check.iter()}
    assert (texts["application-id"], texts["audience"], texts["value"]) == (
        APPLICATION,
        "api://contoso-llm",
        "OpenAI.Call",
    )
    (variable,) = outer.findall("set-variable")
    assert f'"{APPLICATION}=search"' in (variable.get("value") or "")
    (limited,) = outer.findall("choose/when")
    assert '"fnsseTeam"] == "search"' in (limited.get("condition") or "")
    (limit,) = limited
    assert limit.get("counter-key") == f"{NAME}-team-search"
    inbound = _parse(deployment, f"apis/{NAME}-openai/policies/policy").find("inbound")
    assert inbound is not None
    order = [
        element.get("fragment-id") or element.get("name") or element.tag for element in inbound
    ]
    assert order.index(f"{NAME}-client-auth") < order.index("authorization")


def test_every_expression_of_the_deployed_policies_compiles(
    deployment: Deployment, tmp_path: Path
) -> None:
    """The policies are compiled after the names and limits have been filled in."""
    policies = [
        resource["properties"]["value"]
        for resource in deployment.resources.values()
        if resource["type"].startswith("Microsoft.ApiManagement/")
        and resource["type"].endswith(("/policies", "/policyFragments"))
    ]
    assert len(policies) == 6
    files = [tmp_path / f"{number}.xml" for number in range(len(policies))]
    for file, policy in zip(files, policies, strict=True):
        assert not re.search(r"FNSSE-NAME|-- LIMITS|-- APPLICATIONS|TENANT-ID|APP-ROLE", policy)
        file.write_text(policy)
    run = subprocess.run(
        [tool_path("policycheck"), *map(str, files)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_without_applications_a_key_is_required(evaluator: Evaluator, tmp_path: Path) -> None:
    """No fragment, and no call without a key."""
    parameters = switches.parameters(PLAIN, "param teams = [{ name: 'search' }]")
    deployment = evaluator.evaluate(parameters, tmp_path)
    assert gateway_properties(deployment, f"apis/{NAME}-openai")["subscriptionRequired"] is True
    assert not [
        resource_id for resource_id in deployment.resources if resource_id.endswith("client-auth")
    ]
    policy = gateway_properties(deployment, f"apis/{NAME}-openai/policies/policy")["value"]
    assert "client-auth" not in policy


@pytest.mark.parametrize("number", [0, 1])
def test_what_the_documentation_says_to_write_is_evaluated(
    number: int, evaluator: Evaluator, tmp_path: Path
) -> None:
    """docs/how-to/give-teams-limits.md: limits, and an application that calls with a token."""
    page = INFRA.parent / "docs" / "how-to" / "give-teams-limits.md"
    block = re.findall(r"```bicep\n(.*?)```", page.read_text(), re.DOTALL)[number]
    deployment = evaluator.evaluate(switches.parameters(PLAIN, block), tmp_path)
    assert deployment.diagnostics == []
    policy = _parse(deployment, f"products/{NAME}-team-search/policies/policy")
    (limit,) = policy.iter("llm-token-limit")
    assert limit.get("tokens-per-minute") == "50000"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (TEAMS, "clientTokens is missing"),
        ("param teams = [{ name: 'a' }, { name: 'a' }]", "Two teams have one name"),
    ],
    ids=["applications without clientTokens", "two of one name"],
)
def test_what_cannot_work_is_rejected(
    more: str, words: str, evaluator: Evaluator, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match=words):
        evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
