"""API Management's modules, evaluated by the Bicep CLI: the API, its logging, and rejected
parameters.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import pytest

from blueprints import relay as relay_blueprint
from tests.infra.bicep import EvaluationError, Evaluator

MODULES = Path(__file__).parents[2] / "infra" / "modules"
INSIGHTS = (
    "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/logs/providers"
    "/Microsoft.Insights/components/insights"
)
SERVICE = {
    "name": "contoso",
    "location": "swedencentral",
    "publisherEmail": "a@contoso.com",
    "publisherName": "A",
}
API = {
    "name": "fnsse-prod",
    "serviceName": "contoso",
    "functionAppHostName": "contoso.azurewebsites.net",
    "applicationInsightsResourceId": INSIGHTS,
}
ENTRA = API | {"callerAuth": "entra", "audience": "33333333-3333-4333-8333-333333333333"}
KEY = API | {
    "callerAuth": "function_key",
    "functionKeySecretUri": "https://contoso.vault.azure.net/secrets/function-key",
}


def evaluate(
    evaluator: Evaluator, module: str, folder: Path, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    """The resources that a module makes with these parameters. Raises EvaluationError if it makes
    none.
    """
    file = folder / "case.bicepparam"
    lines = [
        f"param {name} = {value!r}".replace("True", "true") for name, value in parameters.items()
    ]
    file.write_text("\n".join([f"using '{os.path.relpath(MODULES / module, folder)}'", *lines, ""]))
    return list(evaluator.snapshot(file).resources.values())


@pytest.fixture(scope="module", params=[ENTRA, KEY], ids=["entra", "function_key"])
def api(
    request: pytest.FixtureRequest, evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """The resources of the API's module, by the last part of their type."""
    resources = evaluate(
        evaluator, "api-management.bicep", tmp_path_factory.mktemp("api"), request.param
    )
    by_type: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        by_type.setdefault(resource["type"].rpartition("/")[2], []).append(resource)
    return by_type


def one(resources: list[dict[str, Any]]) -> dict[str, Any]:
    (resource,) = resources
    properties: dict[str, Any] = resource["properties"]
    return properties


def test_an_openai_sdk_works_unchanged(api: dict[str, list[dict[str, Any]]]) -> None:
    """Its path, its key's header, and every method that the app relays, each below everything."""
    properties = one(api["apis"])
    assert (properties["path"], properties["protocols"]) == ("openai", ["https"])
    assert properties["subscriptionRequired"]
    assert properties["subscriptionKeyParameterNames"] == {
        "header": "api-key",
        "query": "subscription-key",
        "bearer": "enabled",  # where a plain OpenAI client puts its key
    }
    operations = {
        operation["properties"]["method"]: operation["properties"]["urlTemplate"]
        for operation in api["operations"]
    }
    assert operations == dict.fromkeys(relay_blueprint.METHODS, "/*")


def test_nothing_but_the_relayed_routes_is_exposed(api: dict[str, list[dict[str, Any]]]) -> None:
    """The backend's address ends with the API's path, so operators' routes are not reachable
    through the API.
    """
    backend = one(api["backends"])
    assert backend["url"] == "https://contoso.azurewebsites.net/openai"
    assert backend["tls"] == {"validateCertificateChain": True, "validateCertificateName": True}


def test_no_body_no_header_and_no_query_is_logged(api: dict[str, list[dict[str, Any]]]) -> None:
    """The API itself sets this in both diagnostics, for both sides of the gateway."""
    diagnostics = {
        diagnostic["name"].rpartition("/")[2]: diagnostic["properties"]
        for diagnostic in api["diagnostics"]
    }
    assert diagnostics.keys() == {"applicationinsights", "azuremonitor"}
    for diagnostic in diagnostics.values():
        assert diagnostic["logClientIp"] is False
        for side in ("frontend", "backend"):
            for message in ("request", "response"):
                assert diagnostic[side][message]["body"] == {"bytes": 0}
                assert diagnostic[side][message]["headers"] == []
            assert diagnostic[side]["request"]["dataMasking"]["queryParams"] == [
                {"value": "*", "mode": "Hide"}
            ]


def test_application_insights_is_written_to_by_identity(
    api: dict[str, list[dict[str, Any]]],
) -> None:
    """The connection string names the place; the identity opens it."""
    loggers = {
        logger["properties"]["loggerType"]: logger["properties"] for logger in api["loggers"]
    }
    assert loggers["applicationInsights"]["credentials"]["identityClientId"] == "SystemAssigned"


def test_the_policy_finds_what_it_names(api: dict[str, list[dict[str, Any]]]) -> None:
    """The backend, the fragment and the one named value that the fragment asks for."""
    policy = one(api["policies"])["value"]
    assert 'backend-id="fnsse-prod"' in policy
    fragment = one(api["policyFragments"])["value"]
    value = one(api["namedValues"])
    assert "{{" + value["displayName"] + "}}" in fragment
    assert api["policyFragments"][0]["name"].endswith("/fnsse-prod-caller-auth")


def test_no_secret_stands_in_the_template(api: dict[str, list[dict[str, Any]]]) -> None:
    """The function key is Key Vault's address; the audience is none."""
    value = one(api["namedValues"])
    if value["displayName"] == "fnsse-prod-function-key":
        assert value == {
            "displayName": "fnsse-prod-function-key",
            "secret": True,
            "keyVault": {"secretIdentifier": KEY["functionKeySecretUri"]},
        }
    else:
        assert value == {
            "displayName": "fnsse-prod-audience",
            "secret": False,
            "value": ENTRA["audience"],
        }


def test_a_prefix_moves_the_path_alone(evaluator: Evaluator, tmp_path: Path) -> None:
    """An instance on which /openai is taken needs one."""
    resources = evaluate(evaluator, "api-management.bicep", tmp_path, ENTRA | {"pathPrefix": "ai"})
    paths = [
        resource["properties"]["path"]
        for resource in resources
        if resource["type"] == "Microsoft.ApiManagement/service/apis"
    ]
    assert paths == ["ai/openai"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (API | {"callerAuth": "entra"}, "callerAuth entra needs audience"),
        (
            API | {"callerAuth": "function_key"},
            "callerAuth function_key needs functionKeySecretUri",
        ),
    ],
)
def test_a_missing_credential_is_named(
    evaluator: Evaluator, tmp_path: Path, parameters: dict[str, Any], words: str
) -> None:
    """The CLI refuses to evaluate the deployment, so nothing is deployed."""
    with pytest.raises(EvaluationError, match=words):
        evaluate(evaluator, "api-management.bicep", tmp_path, parameters)


def test_an_existing_instances_tier_is_checked(evaluator: Evaluator, tmp_path: Path) -> None:
    """Consumption cannot stream; with the private network the tier must reach it. Both end the
    deployment with their reason.
    """
    for parameters, refusals in ((ENTRA, 1), (ENTRA | {"privateNetwork": True}, 2)):
        resources = evaluate(evaluator, "api-management.bicep", tmp_path, parameters)
        (backend,) = [resource for resource in resources if resource["type"].endswith("/backends")]
        assert "Consumption" in backend["properties"]["description"]
        assert backend["properties"]["description"].count("fail(") >= refusals


@pytest.mark.parametrize("sku", ["StandardV2", "PremiumV2"])
def test_a_new_instance_joins_the_network(evaluator: Evaluator, tmp_path: Path, sku: str) -> None:
    """It has outbound integration with the subnet."""
    parameters = SERVICE | {"sku": sku, "subnetId": "/subnet"}
    resources = evaluate(evaluator, "api-management-service.bicep", tmp_path, parameters)
    assert resources[0]["identity"] == {"type": "SystemAssigned"}
    assert resources[0]["properties"]["virtualNetworkType"] == "External"
    assert resources[0]["properties"]["virtualNetworkConfiguration"] == {
        "subnetResourceId": "/subnet"
    }


def test_a_tier_that_cannot_reach_the_network_is_rejected(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """BasicV2 with a subnet; without one it is made."""
    basic = functools.partial(evaluate, evaluator, "api-management-service.bicep", tmp_path)
    with pytest.raises(EvaluationError, match="BasicV2 cannot reach a virtual network"):
        basic(SERVICE | {"sku": "BasicV2", "subnetId": "/subnet"})
    assert basic(SERVICE | {"sku": "BasicV2"})[0]["properties"]["virtualNetworkType"] == "None"
