"""Each part of a deployment is connected to the right other part and configured safely, with every
setting of the switches.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from tests.infra import switches
from tests.infra.bicep import Deployment
from tests.infra.flex import REFUSED_ON_FLEX, TAKEN_ON_FLEX

SETTINGS: Final = {switches.name(setting): setting for setting in switches.settings()}
pytestmark = pytest.mark.parametrize("name", SETTINGS)

# Severity (0 critical, 1 error, 2 warning), how often, and over which window. The query about hours
# looks back three of them.
ALERTS: Final = {
    "poison": (2, "PT5M", "PT15M"),
    "altered": (0, "PT5M", "PT15M"),
    "reconcile-incomplete": (1, "PT30M", "PT6H"),
    "error-share": (2, "PT5M", "PT15M"),
    "time-to-first-chunk": (2, "PT5M", "PT15M"),
    "nothing-delivered": (1, "PT5M", "PT30M"),
    "not-recorded": (0, "PT5M", "PT15M"),
    "gateway-refused": (1, "PT5M", "PT15M"),
    "app-silent": (1, "PT15M", "P2D"),
}


@pytest.fixture
def deployment(name: str, deployments: dict[str, Deployment]) -> Deployment:
    return deployments[name]


def _leads_to(expression: str) -> str:
    """The name of the resource that an expression asks for something, and what: `stcapt…
    primaryEndpoints.blob`.
    """
    found = re.search(r"reference\('[^']+/([\w-]+)', '[\d-]+'(?:, 'full')?\)\.([\w.]+)", expression)
    assert found is not None, expression
    return f"{found[1]} {found[2]}"


def test_settings_lead_to_the_right_account(deployment: Deployment) -> None:
    """The host's state and the app's package lie in the host's account; captures, ledger and
    envelopes in the other.
    """
    settings = deployment.app_settings
    for service in ("blob", "queue", "table"):
        led_to = _leads_to(settings[f"AzureWebJobsStorage__{service}ServiceUri"])
        assert re.fullmatch(rf"sthost\w+ primaryEndpoints\.{service}", led_to)
    for service in ("blob", "queue"):
        led_to = _leads_to(settings[f"CAPTURES_STORAGE__{service}ServiceUri"])
        assert re.fullmatch(rf"stcapt\w+ primaryEndpoints\.{service}", led_to)
    package = deployment.one("Microsoft.Web/sites")["properties"]["functionAppConfig"][
        "deployment"
    ]["storage"]["value"]
    assert re.fullmatch(r"sthost\w+ primaryEndpoints\.blob", _leads_to(package))


def test_settings_lead_to_the_upstream_and_the_hub(name: str, deployment: Deployment) -> None:
    """They lead to the new ones, to those that the parameters name, or to the pool. The region is
    the account's, not the app's, and a pool reports it with each response.
    """
    settings, setting = deployment.app_settings, dict(SETTINGS[name])
    if setting["openAi"] == "pool":
        gateway = r"contoso-gateway" if setting["apiManagement"] == "existing" else r"apim-[\w-]+"
        assert re.fullmatch(rf"{gateway} gatewayUrl", _leads_to(settings["AZURE_OPENAI_BASE_URL"]))
        assert settings["AZURE_OPENAI_BASE_URL"].endswith(f"'{_ENVIRONMENT}-pool')]")
        assert settings["AZURE_OPENAI_REGION"] == ""
    elif setting["openAi"] == "existing":
        assert _leads_to(settings["AZURE_OPENAI_BASE_URL"]) == "contoso-models endpoint"
        assert _leads_to(settings["AZURE_OPENAI_REGION"]) == "contoso-models location"
    else:
        account = deployment.one("Microsoft.CognitiveServices/accounts")
        assert _leads_to(settings["AZURE_OPENAI_BASE_URL"]) == f"{account['name']} endpoint"
        assert settings["AZURE_OPENAI_REGION"] == account["location"]
    assert all(
        account["properties"]["customSubDomainName"] == account["name"]
        for account in deployment.of("Microsoft.CognitiveServices/accounts")
    )
    namespace = "contoso-streams" if setting["eventHubs"] == "existing" else r"evhns-[\w-]+"
    assert re.fullmatch(
        rf"{namespace} serviceBusEndpoint", _leads_to(settings["AZURE_EVENTHUB_NAMESPACE"])
    )
    assert settings["AZURE_EVENTHUB_NAME"] == (
        "llm-logs" if setting["eventHubs"] == "existing" else "openai-logs"
    )


def test_the_vault_holds_the_key_that_the_host_checks(name: str, deployment: Deployment) -> None:
    """The vault holds the host's default function key, never the master key. Only a role may read
    it, and Azure's services pass its firewall.
    """
    secrets = deployment.of("Microsoft.KeyVault/vaults/secrets")
    if dict(SETTINGS[name])["callerAuth"] == "entra":
        assert secrets == []
        return
    app = deployment.one("Microsoft.Web/sites")["id"]
    assert re.fullmatch(
        rf"\[listKeys\('{app}/host/default', '[\d-]+'\)\.functionKeys\.default\]",
        secrets[0]["properties"]["value"],
    )
    vault = deployment.one("Microsoft.KeyVault/vaults")["properties"]
    assert vault["enableRbacAuthorization"] is True
    private = dict(SETTINGS[name])["network"] != "none"
    assert vault["networkAcls"] == {
        "bypass": "AzureServices",
        "defaultAction": "Deny" if private else "Allow",
    }


def test_storage_has_soft_delete_expiry_and_closed_access(
    name: str, deployment: Deployment
) -> None:
    """Deleted blobs can be restored for a week; ledger blobs, which are append blobs, expire like
    captures.
    """
    services = deployment.of("Microsoft.Storage/storageAccounts/blobServices")
    assert len(services) == 2
    for service in services:
        assert service["properties"]["deleteRetentionPolicy"] == {"enabled": True, "days": 7}
    private = dict(SETTINGS[name])["network"] != "none"
    for account in deployment.of("Microsoft.Storage/storageAccounts"):
        assert account["properties"]["networkAcls"]["defaultAction"] == (
            "Deny" if private else "Allow"
        )
    rules = deployment.one("Microsoft.Storage/storageAccounts/managementPolicies")["properties"][
        "policy"
    ]["rules"]
    assert all(
        set(rule["definition"]["filters"]["blobTypes"]) == {"blockBlob", "appendBlob"}
        for rule in rules
    )


def test_everything_requires_tls_1_2_or_newer(deployment: Deployment) -> None:
    """The app, its deployment site, storage and Event Hubs require TLS 1.2, and FTP and remote
    debugging are off.
    """
    app = deployment.one("Microsoft.Web/sites")["properties"]
    tls_versions = {app["siteConfig"][setting] for setting in ("minTlsVersion", "scmMinTlsVersion")}
    for resource_type in ("Microsoft.Storage/storageAccounts", "Microsoft.EventHub/namespaces"):
        tls_versions |= {
            resource["properties"]["minimumTlsVersion"] for resource in deployment.of(resource_type)
        }
    assert tls_versions <= {"1.2", "1.3", "TLS1_2", "TLS1_3"}
    assert app["httpsOnly"] is True
    assert app["siteConfig"]["remoteDebuggingEnabled"] is False
    doors = deployment.of("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {door["name"].rpartition("/")[2]: door["properties"]["allow"] for door in doors} == {
        "ftp": False,
        "scm": False,
    }


def test_the_site_has_no_property_that_flex_consumption_refuses(deployment: Deployment) -> None:
    """The resource provider answers 400 (51021) for one of them, region by region, and ends the
    deployment. What is not in the list of what it takes has to be looked up first.
    """
    app = deployment.one("Microsoft.Web/sites")["properties"]
    assert (app.keys() | app["siteConfig"].keys()) & REFUSED_ON_FLEX == set()
    assert app["siteConfig"].keys() <= TAKEN_ON_FLEX


def test_callers_need_an_approved_key(name: str, deployment: Deployment) -> None:
    """The product is published and requires approval; its first subscription is for it alone and
    does not trace.
    """
    existing = dict(SETTINGS[name])["apiManagement"] == "existing"
    (product,) = deployment.of("Microsoft.ApiManagement/service/products")
    (subscription,) = deployment.of("Microsoft.ApiManagement/service/subscriptions")
    approval = {
        key: product["properties"][key]
        for key in ("subscriptionRequired", "approvalRequired", "state")
    }
    assert approval == {
        "subscriptionRequired": True,
        "approvalRequired": True,
        "state": "published",
    }
    assert subscription["properties"]["scope"] == product["id"]
    assert subscription["properties"]["allowTracing"] is False
    api = deployment.resources[f"{_service(deployment)}/apis/{_ENVIRONMENT}-openai"]
    assert api["properties"]["path"] == ("ai/openai" if existing else "openai")
    services: list[dict[str, Any]] = deployment.of("Microsoft.ApiManagement/service")
    assert [service["identity"] for service in services] == (
        [] if existing else [{"type": "SystemAssigned"}]
    )


def test_each_diagnostic_has_the_logger_of_its_name(deployment: Deployment) -> None:
    """Each diagnostic to the logger of its name, as one transaction through gateway and app."""
    diagnostics = {
        resource["id"].partition("/apis/")[2]: resource["properties"]
        for resource in deployment.of("Microsoft.ApiManagement/service/apis/diagnostics")
    }
    apis = {
        resource["id"].rpartition("/")[2]
        for resource in deployment.of("Microsoft.ApiManagement/service/apis")
    }
    loggers = {
        "applicationinsights": f"{_ENVIRONMENT}-insights",
        "azuremonitor": "azuremonitor",
    }
    assert {
        diagnostic: properties["loggerId"].rpartition("/")[2]
        for diagnostic, properties in diagnostics.items()
    } == {f"{api}/diagnostics/{kind}": logger for api in apis for kind, logger in loggers.items()}
    for diagnostic, properties in diagnostics.items():
        assert properties["frontend"]["request"]["body"] == {"bytes": 0}
        if diagnostic.endswith("/applicationinsights"):
            assert properties["httpCorrelationProtocol"] == "W3C"


def test_names_on_a_gateway_hold_the_environment(
    deployment: Deployment,
) -> None:
    """Several environments may share a gateway. `azuremonitor` alone has a name that API Management
    prescribes, and is the same for all.
    """
    names = {
        resource["id"].removeprefix(f"{_service(deployment)}/").split("/")[1]
        for resource in deployment.resources.values()
        if resource["type"].startswith("Microsoft.ApiManagement/service/")
    }
    assert {name for name in names if not re.match(rf"{_ENVIRONMENT}(-|$)", name)} == {
        "azuremonitor"
    }


def _service(deployment: Deployment) -> str:
    api = deployment.of("Microsoft.ApiManagement/service/apis")[0]
    return str(api["id"]).partition("/apis/")[0]


def test_alerts_look_often_enough_and_far_enough(deployment: Deployment) -> None:
    """Each is on, with the severity, the pace and the window that its query was written for."""
    rules = {
        rule["name"].removeprefix("alert-contoso-gateway-test-"): rule["properties"]
        for rule in deployment.of(_RULE)
    }
    assert {
        name: (rule["severity"], rule["evaluationFrequency"], rule["windowSize"])
        for name, rule in rules.items()
    } == ALERTS
    assert all(rule["enabled"] for rule in rules.values())
    assert all(rule["skipQueryValidation"] for rule in rules.values()), "no table is there yet"


def test_azure_watches_what_the_app_cannot_log(name: str, deployment: Deployment) -> None:
    """It checks from outside whether the app answers, where the app can be reached from there, and
    whether the Event Hub refuses calls for want of throughput units.
    """
    tests = deployment.of("Microsoft.Insights/webtests")
    metrics = {
        alert["name"].removeprefix("alert-contoso-gateway-test-"): alert["properties"]
        for alert in deployment.of("Microsoft.Insights/metricAlerts")
    }
    if dict(SETTINGS[name])["network"] == "none":
        (ready,) = tests
        assert "/health/ready" in ready["properties"]["Request"]["RequestUrl"]
        assert metrics["not-ready"]["criteria"]["webTestId"] == ready["id"]
        assert ready["id"] in metrics["not-ready"]["scopes"]
    else:
        assert tests == []
        assert "not-ready" not in metrics
    watched = {
        name: (alert["scopes"][0], alert["criteria"]["allOf"][0]["metricName"])
        for name, alert in metrics.items()
        if name != "not-ready"
    }
    for watched_name, kind, metric in (
        ("event-hub-throttled", "Microsoft.EventHub/namespaces", "ThrottledRequests"),
        ("0-storage-unavailable", "Microsoft.Storage/storageAccounts", "Availability"),
        ("1-storage-unavailable", "Microsoft.Storage/storageAccounts", "Availability"),
        ("0-openai-throttled", "Microsoft.CognitiveServices/accounts", "AzureOpenAIRequests"),
    ):
        scope, found = watched[watched_name]
        assert f"/{kind}/" in scope
        assert found == metric
    services = deployment.of("Microsoft.ApiManagement/service")
    assert ("gateway-busy" in watched) == bool(services), "an existing gateway has an owner"


_ENVIRONMENT: Final = switches.GATEWAY
_RULE: Final = "Microsoft.Insights/scheduledQueryRules"
