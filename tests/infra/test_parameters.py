"""The effects of single parameters of infra/main.bicep, and the values that are rejected before a
deployment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.core.records.delivery import ledger_entry
from shared.core.records.exchange import capture
from tests.infra import switches
from tests.infra.bicep import (
    GROUP,
    INFRA,
    SUBSCRIPTION,
    TENANT,
    Deployment,
    EvaluationError,
    Evaluator,
    run,
)
from tests.infra.flex import TAKEN_ON_FLEX

PLAIN = switches.settings()[0]
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"  # Storage Blob Data Contributor


def _positions(**turned: str) -> switches.Setting:
    return tuple((switch, turned.get(switch, position)) for switch, position in PLAIN)


def test_every_two_positions_of_two_switches_meet() -> None:
    """The cover is one: for each pair there is a setting that holds both, and each position is
    tried alone.
    """
    covered = {pair for setting in switches.settings() for pair in switches.pairs(setting)}
    names = {
        (switch, position)
        for switch, positions in switches.SWITCHES.items()
        for position in positions
    }
    assert covered == {pair for pair in _ordered_pairs() if set(pair) <= names}
    alone = {switches.name(setting) for setting in switches.settings()}
    assert alone >= {
        f"{switch}={position}" for switch, position in names if position not in dict(PLAIN).values()
    }


def _ordered_pairs() -> set[switches.Setting]:
    listed = [
        (switch, position)
        for switch, positions in switches.SWITCHES.items()
        for position in positions
    ]
    order = list(switches.SWITCHES)
    return {
        (one, two) for one in listed for two in listed if order.index(one[0]) < order.index(two[0])
    }


def test_bicep_snapshot_evaluates_main_bicepparam(
    evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parameters file as it is, by the command that a developer would use; the evaluator of the
    other tests, which takes the compiled template, says the same.
    """
    monkeypatch.setenv("PUBLISHER_EMAIL", "a@example.com")
    for file in (INFRA / "main.bicep", INFRA / "main.bicepparam", INFRA / "bicepconfig.json"):
        (tmp_path / file.name).write_text(file.read_text())
    for folder in ("modules", "policies", "queries"):
        (tmp_path / folder).symlink_to(INFRA / folder)
    file = tmp_path / "main.bicepparam"
    scope = {
        "tenant-id": TENANT,
        "subscription-id": SUBSCRIPTION,
        "resource-group": GROUP,
        "location": "swedencentral",
    }
    options = [
        word
        for name, value in {**scope, "deployment-name": "main"}.items()
        for word in (f"--{name}", value)
    ]
    run("snapshot", file, *options)
    snapshot = json.loads(file.with_suffix(".snapshot.json").read_text())
    assert snapshot["diagnostics"] == []
    compiled = evaluator.main_parameters(tmp_path, PUBLISHER_EMAIL="a@example.com")
    evaluated = evaluator.snapshot(compiled).resources
    assert len(evaluated) == len(snapshot["predictedResources"])
    readable = {resource["id"]: resource for resource in snapshot["predictedResources"]}
    assert {
        resource_id: evaluated[resource_id]
        for resource_id in readable
        if not resource_id.startswith("[")
    } == {
        resource_id: resource
        for resource_id, resource in readable.items()
        if not resource_id.startswith("[")
    }


type Parameters = Callable[..., dict[str, Any]]


@pytest.fixture
def from_environment(evaluator: Evaluator, tmp_path: Path) -> Parameters:
    """The parameters of main.bicepparam with the variables of the call set. Raises EvaluationError
    if they do not fit.
    """
    return lambda **variables: evaluator.compile_parameters(
        evaluator.main_parameters(tmp_path, **variables)
    )


def test_a_variable_that_is_empty_is_one_that_is_not_set() -> None:
    """The workflow hands on variables of the repository; one that nobody set comes as an empty
    text.
    """
    calls = re.findall(r"readEnvironmentVariable\((.*?)\)", (INFRA / "main.bicepparam").read_text())
    assert len(calls) > 20
    assert [call for call in calls if not re.fullmatch(r"'\w+', ''", call)] == []


def test_the_variables_are_those_of_the_environment(
    evaluator: Evaluator,
    from_environment: Parameters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the command that azd calls. The tests below write the values into the file instead."""
    variables = {"PROFILE": "production", "OPENAI_CAPACITY": "3", "ALERT_EMAIL": "a@example.com"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    built = json.loads(run("build-params", evaluator.main_parameters(tmp_path), "--stdout").stdout)
    values = json.loads(built["parametersJson"])["parameters"]
    assert {name: parameter["value"] for name, parameter in values.items()} == from_environment(
        **variables
    )


def test_the_model_and_its_account_come_from_the_environment(
    from_environment: Parameters,
) -> None:
    """Quota is a matter of the subscription: what cannot be had must be a variable to change. The
    default asks for the least.
    """
    (model,) = from_environment()["openAi"][0]["deployments"]
    assert model == {
        "name": "gpt-5.4-mini",
        "model": "gpt-5.4-mini",
        "version": "2026-03-17",
        "sku": "GlobalStandard",
        "capacity": 10,
    }
    (chosen,) = from_environment(
        OPENAI_MODEL="gpt-5.5",
        OPENAI_MODEL_VERSION="2026-04-24",
        OPENAI_SKU="DataZoneStandard",
        OPENAI_CAPACITY="3",
    )["openAi"][0]["deployments"]
    assert list(chosen.values()) == ["gpt-5.5", "gpt-5.5", "2026-04-24", "DataZoneStandard", 3]
    existing = from_environment(OPENAI_ACCOUNT="contoso", AZURE_RESOURCE_GROUP="fnsse-dev")[
        "openAi"
    ][0]
    assert existing == {"kind": "existing", "name": "contoso", "resourceGroup": "fnsse-dev"}
    elsewhere = from_environment(OPENAI_ACCOUNT="contoso", OPENAI_RESOURCE_GROUP="models")[
        "openAi"
    ][0]
    assert elsewhere["resourceGroup"] == "models"


def test_production_is_one_variable(from_environment: Parameters) -> None:
    """Two instances that never sleep, three zones, audit logs, and a vault that nobody can purge;
    the default deploys in every region and can be taken down without a trace.
    """
    chosen = ("storageSku", "keyVaultPurgeProtection", "auditLogs")
    default = from_environment()
    assert [default[name] for name in chosen] == ["Standard_LRS", False, False]
    assert default["scale"]["alwaysReady"][0] == {"name": "http", "instanceCount": 1}
    production = from_environment(PROFILE="production")
    assert [production[name] for name in chosen] == ["Standard_ZRS", True, True]
    assert production["scale"]["alwaysReady"][0] == {"name": "http", "instanceCount": 2}
    named = from_environment(
        STORAGE_SKU="Standard_GZRS",
        SITE_UPDATE_STRATEGY="Recreate",
        EVENTHUB_CAPACITY="8",
        ALERT_EMAIL="a@example.com,b@example.com",
        RUNBOOK_URL="https://example.com/runbook",
        AZURE_LOCATION="westeurope",
    )
    assert (named["storageSku"], named["siteUpdateStrategy"]) == ("Standard_GZRS", "Recreate")
    assert named["eventHubs"]["capacity"] == 8
    assert named["alerts"] == {"emails": ["a@example.com", "b@example.com"]}
    assert named["location"] == "westeurope"
    assert named["runbookUrl"] == "https://example.com/runbook"


@pytest.mark.parametrize(
    ("least", "current", "units"),
    [("", "8", 8), ("2", "8", 8), ("8", "2", 8), ("", "0", 1), ("4", "", 4)],
)
def test_a_deployment_takes_no_unit_from_the_event_hub(
    least: str, current: str, units: int, from_environment: Parameters
) -> None:
    """Auto-inflate only adds units; a deployment sets them. What there is now stays."""
    found = from_environment(EVENTHUB_CAPACITY=least, EVENTHUB_CURRENT_CAPACITY=current)
    assert found["eventHubs"]["capacity"] == units


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PROFILE", "prod", "prod"),
        ("CALLER_AUTH", "Entra", "'entra'"),
        ("STORAGE_SKU", "Premium_LRS", "'Standard_LRS'"),
    ],
)
def test_a_misspelt_variable_is_refused(
    name: str, value: str, allowed: str, from_environment: Parameters
) -> None:
    """It does not mean the default: the compiler names what it may be."""
    with pytest.raises(EvaluationError, match=allowed):
        from_environment(**{name: value})


def test_the_region_that_was_asked_for_is_the_region(evaluator: Evaluator, tmp_path: Path) -> None:
    """azd asks for one; the group may lie elsewhere. Without one it is the group's."""
    for line, region in (("param location = 'westeurope'", "westeurope"), ("", "swedencentral")):
        deployment = evaluator.evaluate(switches.parameters(PLAIN, line), tmp_path)
        regions = {resource.get("location", "global") for resource in deployment.resources.values()}
        assert regions == {region, "global"}


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
    """Neither those whose names begin alike or differ in what names leave out, nor those of one
    name in two groups, for which the regions stand here: both are in the hash.
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


def test_no_rule_watches_what_lies_in_another_subscription(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """A metric alert and its resource lie in one subscription; Azure refuses the deployment
    otherwise.
    """
    more = f"""param eventHubs = {{
  kind: 'existing'
  name: 'contoso-streams'
  resourceGroup: 'streams'
  subscriptionId: '{switches.HUB_SUBSCRIPTION}'
  eventHub: 'llm-logs'
}}"""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    rules = deployment.of("Microsoft.Insights/metricAlerts")
    scopes = {scope for rule in rules for scope in rule["properties"]["scopes"]}
    assert len(rules) == 5
    assert not [scope for scope in scopes if switches.HUB_SUBSCRIPTION in scope]


def test_a_vault_can_be_purged_unless_production_asks_otherwise(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """`azd down --purge` and `azd up` again would otherwise find the vault's name taken for 90
    days. Key Vault refuses the value false.
    """
    for line, vault in (
        ("", (7, None)),
        ("param keyVaultPurgeProtection = true", (90, True)),
    ):
        deployment = evaluator.evaluate(switches.parameters(PLAIN, line), tmp_path)
        properties = deployment.one("Microsoft.KeyVault/vaults")["properties"]
        assert (
            properties["softDeleteRetentionInDays"],
            properties["enablePurgeProtection"],
        ) == vault


@pytest.mark.parametrize("event_hubs", ["new", "capture"])
def test_one_parameter_sets_retention_in_rules_and_app(
    event_hubs: str, evaluator: Evaluator, tmp_path: Path
) -> None:
    """Captures and ledger expire after the number of days that the app also gets; the default is
    30.
    """
    for days, line in ((7, "param captureRetentionDays = 7"), (30, "")):
        deployment = evaluator.evaluate(
            switches.parameters(_positions(eventHubs=event_hubs), line), tmp_path
        )
        expiries = _expiries(deployment)
        assert deployment.app_settings["CAPTURE_RETENTION_DAYS"] == str(days)
        assert expiries.keys() - {"event-hubs-capture/"} == {
            f"{capture.CONTAINER}/",
            f"{ledger_entry.CONTAINER}/",
        }
        assert set(expiries.values()) == {days}


@pytest.mark.parametrize(
    ("line", "of_captures"),
    [
        ("", {"enabled": True, "days": 7}),
        ("param captureSoftDeleteDays = 1", {"enabled": True, "days": 1}),
        ("param captureSoftDeleteDays = 0", {"enabled": False}),
    ],
    ids=["default", "a day", "off"],
)
def test_soft_delete_of_captures_is_a_parameter(
    line: str, of_captures: dict[str, Any], evaluator: Evaluator, tmp_path: Path
) -> None:
    """Of the account of captures alone: that of the host holds none."""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, line), tmp_path)
    policies = {
        service["name"][:6]: service["properties"]["deleteRetentionPolicy"]
        for service in deployment.of("Microsoft.Storage/storageAccounts/blobServices")
    }
    assert policies == {"stcapt": of_captures, "sthost": {"enabled": True, "days": 7}}


def test_a_content_policy_is_written_by_its_authors_alone(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The app has no role that writes it, and its authors have none on captures. It does not
    expire.
    """
    author, group = switches.OPERATORS
    more = f"param contentPolicyAuthors = [{{ objectId: '{author}' }}, {{ objectId: '{group}', kind: 'Group' }}]"
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    of_authors = {
        (assignment["principalId"], assignment["principalType"], on.rpartition("/")[2])
        for on, assignment in deployment.assignments
        if assignment["principalId"] in {author, group}
    }
    assert of_authors == {(author, "User", "policies"), (group, "Group", "policies")}
    writers = {
        assignment["principalId"]
        for on, assignment in deployment.assignments
        if on.endswith("/policies") and assignment["roleDefinitionId"].endswith(CONTRIBUTOR)
    }
    assert writers == {author, group}
    assert "policies/" not in _expiries(deployment)


def _expiries(deployment: Deployment) -> dict[str, int]:
    policy = deployment.one("Microsoft.Storage/storageAccounts/managementPolicies")["properties"][
        "policy"
    ]
    return {
        prefix: rule["definition"]["actions"]["baseBlob"]["delete"][
            "daysAfterModificationGreaterThan"
        ]
        for rule in policy["rules"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    }


@pytest.mark.parametrize(
    ("sku", "throughput", "hours"),
    [("Basic", (False, 0), 24), ("Standard", (True, 10), 168), ("Premium", (False, 0), 168)],
)
def test_event_hubs_inflates_if_its_tier_can(
    sku: str, throughput: tuple[bool, int], hours: int, evaluator: Evaluator, tmp_path: Path
) -> None:
    """Standard alone inflates by itself; retention is the longest that Basic and Standard have."""
    more = f"param eventHubs = {{ kind: 'new', sku: '{sku}' }}"
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    namespace = deployment.one("Microsoft.EventHub/namespaces")["properties"]
    hub = deployment.one("Microsoft.EventHub/namespaces/eventhubs")["properties"]
    assert (namespace["isAutoInflateEnabled"], namespace["maximumThroughputUnits"]) == throughput
    assert hub["retentionDescription"] == {"cleanupPolicy": "Delete", "retentionTimeInHours": hours}
    assert hub["partitionCount"] == 4
    assert hub["captureDescription"] is None


def test_capture_writes_with_an_identity_of_its_own(evaluator: Evaluator, tmp_path: Path) -> None:
    """Event Hubs Capture has a container, an identity that may write to it alone, and a way past
    the private network.
    """
    deployment = evaluator.evaluate(
        switches.parameters(_positions(eventHubs="capture", network="new")), tmp_path
    )
    hub = deployment.one("Microsoft.EventHub/namespaces/eventhubs")["properties"]
    destination = hub["captureDescription"]["destination"]
    account = destination["properties"]["storageAccountResourceId"]
    container = destination["properties"]["blobContainer"]
    assert f"{account}/blobServices/default/containers/{container}" in deployment.resources
    assert deployment.resources[account]["properties"]["networkAcls"] == {
        "bypass": "AzureServices",
        "defaultAction": "Deny",
    }
    identity = destination["identity"]["userAssignedIdentity"]
    assert set(
        deployment.one("Microsoft.EventHub/namespaces")["identity"]["userAssignedIdentities"]
    ) == {identity}
    groups = deployment.of("Microsoft.EventHub/namespaces/eventhubs/consumergroups")
    assert {group["name"].rpartition("/")[2] for group in groups} == {"adx", "audit"}


def test_the_name_of_an_assignment_follows_its_principal(
    deployments: dict[str, Deployment],
) -> None:
    """Azure lets no assignment change hands. An identity that was deleted and made again has
    another object id, and must not meet the assignment of the one before it; nor may two
    environments that share an account.
    """
    for deployment in deployments.values():
        for assignment in deployment.of(_ASSIGNMENT):
            principal = assignment["properties"]["principalId"].strip("[]")
            role = assignment["properties"]["roleDefinitionId"].rpartition("/")[2]
            on, _, name = assignment["id"].partition(f"/providers/{_ASSIGNMENT}/")
            assert name == f"guid('{on}', {principal}, '{role}')"


_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def test_alerts_tell_the_action_groups(evaluator: Evaluator, tmp_path: Path) -> None:
    """One that is there, and one that is made of addresses; every query of infra/queries is an
    alert.
    """
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ops/providers/Microsoft.Insights/actionGroups/contoso"
    more = f"param alerts = {{ actionGroupId: '{group}', emails: ['a@example.com'] }}"
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    action_group = deployment.one("Microsoft.Insights/actionGroups")
    assert [
        receiver["emailAddress"] for receiver in action_group["properties"]["emailReceivers"]
    ] == ["a@example.com"]
    rules = deployment.of("Microsoft.Insights/scheduledQueryRules")
    insights = deployment.one("Microsoft.Insights/components")["id"]
    assert {rule["name"].removeprefix("alert-contoso-gateway-test-") for rule in rules} == {
        file.stem for file in (INFRA / "queries").glob("*.kql")
    }
    for rule in rules:
        properties = rule["properties"]
        assert properties["actions"]["actionGroups"] == [group, action_group["id"]]
        assert properties["scopes"] == [insights]
        (criterion,) = properties["criteria"]["allOf"]
        file = INFRA / "queries" / f"{rule['name'].removeprefix('alert-contoso-gateway-test-')}.kql"
        assert criterion["query"] == file.read_text()
        assert (criterion["timeAggregation"], criterion["operator"], criterion["threshold"]) == (
            "Count",
            "GreaterThan",
            0,
        )


REFUSALS = {
    "Two accounts of openAi are one": (
        PLAIN,
        "param openAi = [{ kind: 'new', deployments: [] }, { kind: 'new', deployments: [], region: 'francecentral' }]",
    ),
    "BasicV2 cannot reach a virtual network": (
        _positions(network="new"),
        "param apiManagement = { kind: 'new', sku: 'BasicV2', publisherEmail: 'a@example.com', publisherName: 'A' }",
    ),
    "azd env set PUBLISHER_EMAIL": (
        PLAIN,
        "param apiManagement = { kind: 'new', sku: 'BasicV2', publisherEmail: '', publisherName: 'A' }",
    ),
    "needs audienceClientId": (PLAIN, "param callerAuth = 'entra'"),
    "Basic cannot be reached over a private endpoint": (
        _positions(network="new"),
        "param eventHubs = { kind: 'new', sku: 'Basic' }",
    ),
    "allowedCallers has no effect on a private network": (
        _positions(network="new"),
        "param allowedCallers = ['203.0.113.0/24']",
    ),
    "Basic cannot capture": (
        PLAIN,
        "param eventHubs = { kind: 'new', sku: 'Basic', capture: { intervalInSeconds: 300, sizeLimitInBytes: 314572800 } }",
    ),
    "Basic cannot have consumer groups": (
        PLAIN,
        "param eventHubs = { kind: 'new', sku: 'Basic', consumerGroups: ['adx'] }",
    ),
    "Basic cannot keep events for more than 24 hours": (
        PLAIN,
        "param eventHubs = { kind: 'new', sku: 'Basic', retentionHours: 25 }",
    ),
    "Standard keeps events for at most 168 hours": (
        PLAIN,
        "param eventHubs = { kind: 'new', retentionHours: 169 }",
    ),
    "more than captureRetentionDays": (
        PLAIN,
        "param captureRetentionDays = 30\nparam immutableCaptureDays = 31",
    ),
    "keep the bodies that the content mode redacted erases": (
        PLAIN,
        "param immutableCaptureDays = 7\nparam settings = { CONTENT_MODE: 'redacted' }",
    ),
    "bodies that the content mode redacted erases. Leave one of both out": (
        PLAIN,
        """param immutableCaptureDays = 7
param settings = { CONTENT_POLICY: '{"rules": [{"mode": "redacted"}]}' }""",
    ),
    "needs apiManagementSubnetId": (
        PLAIN,
        f"""param network = {{
  kind: 'private'
  virtualNetwork: {{
    kind: 'existing'
    functionAppSubnetId: '{switches.SUBNETS}/app'
    privateEndpointsSubnetId: '{switches.SUBNETS}/endpoints'
  }}
}}""",
    ),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_what_cannot_work_is_refused_before_it_is_deployed(
    words: str, evaluator: Evaluator, tmp_path: Path
) -> None:
    """The message names what to change."""
    setting, more = REFUSALS[words]
    with pytest.raises(EvaluationError, match=words):
        evaluator.evaluate(switches.parameters(setting, more), tmp_path)


def test_settings_and_scale_are_what_the_parameters_say(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """A setting takes the place of its default; so does each figure of the scale."""
    more = """param settings = { KEEP_ALIVE_S: '5', EVENT_REQUEST_HEADERS: 'x-team' }
param capturePolicy = 'required'
param scale = {
  alwaysReady: [{ name: 'function:enrichment', instanceCount: 2 }]
  instanceMemoryMB: 4096
  maximumInstanceCount: 40
  httpConcurrency: 250
  zoneRedundant: true
}"""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    settings = deployment.app_settings
    assert (
        settings["KEEP_ALIVE_S"],
        settings["EVENT_REQUEST_HEADERS"],
        settings["CAPTURE_POLICY"],
    ) == (
        "5",
        "x-team",
        "required",
    )
    assert settings["EARLY_RESPONSE_AFTER_S"] == "100"
    assert deployment.one("Microsoft.Web/sites")["properties"]["functionAppConfig"][
        "scaleAndConcurrency"
    ] == {
        "alwaysReady": [{"name": "function:enrichment", "instanceCount": 2}],
        "instanceMemoryMB": 4096,
        "maximumInstanceCount": 40,
        "triggers": {"http": {"perInstanceConcurrency": 250}},
    }
    assert deployment.one("Microsoft.Web/serverfarms")["properties"]["zoneRedundant"] is True


def test_what_the_documentation_says_to_write_is_evaluated(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The parameters of docs/how-to/deploy-beside-existing.md for a company that has all of it:
    nothing of it is made again.
    """
    (block,) = re.findall(
        r"```bicep\n(.*?)```",
        (INFRA.parent / "docs" / "how-to" / "deploy-beside-existing.md").read_text(),
        re.DOTALL,
    )
    subnets = iter([f"{switches.SUBNETS}/app", f"{switches.SUBNETS}/endpoints"])
    more = re.sub("<id>", lambda _: next(subnets), block)
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    assert deployment.diagnostics == []
    for made_by_others in (
        "Microsoft.ApiManagement/service",
        "Microsoft.CognitiveServices/accounts",
        "Microsoft.EventHub/namespaces",
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/privateDnsZones",
    ):
        assert deployment.of(made_by_others) == []


def test_callers_may_be_bound_to_address_ranges(evaluator: Evaluator, tmp_path: Path) -> None:
    """A second lock, beside the key or the token. The availability test has to pass it; the site
    that takes code, which takes Entra tokens alone, is not bound.
    """
    ranges = ["203.0.113.0/24", "198.51.100.7/32"]
    deployment = evaluator.evaluate(
        switches.parameters(PLAIN, f"param allowedCallers = {ranges}"), tmp_path
    )
    config = deployment.one("Microsoft.Web/sites")["properties"]["siteConfig"]
    assert config["ipSecurityRestrictionsDefaultAction"] == "Deny"
    assert config["scmIpSecurityRestrictionsUseMain"] is False
    assert config.keys() <= TAKEN_ON_FLEX
    rules = config["ipSecurityRestrictions"]
    assert {rule["action"] for rule in rules} == {"Allow"}
    assert [rule["ipAddress"] for rule in rules] == [*ranges, "ApplicationInsightsAvailability"]
    assert rules[-1]["tag"] == "ServiceTag"
    assert len({rule["priority"] for rule in rules}) == len(rules)


@pytest.mark.parametrize(
    ("sku", "of_the_hub"),
    [
        ("Standard", {"OperationalLogs", "AutoScaleLogs"}),
        ("Premium", {"OperationalLogs", "RuntimeAuditLogs"}),
    ],
)
def test_what_auditors_ask_for_is_logged_on_request(
    sku: str, of_the_hub: set[str], evaluator: Evaluator, tmp_path: Path
) -> None:
    """Each resource that holds secrets or data logs into the workspace what its tier can log, and
    no call of the app: that would be a row for each of them.
    """
    more = f"param auditLogs = true\nparam eventHubs = {{ kind: 'new', sku: '{sku}' }}"
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    workspace = deployment.one("Microsoft.OperationalInsights/workspaces")["id"]
    logged = {
        resource_id.split("/providers/")[1].split("/")[0]: (
            {log["category"] for log in resource["properties"]["logs"]},
            resource["properties"]["workspaceId"],
        )
        for resource_id, resource in deployment.resources.items()
        if resource_id.endswith("/diagnosticSettings/audit-log")
    }
    assert logged == {
        "Microsoft.KeyVault": ({"AuditEvent"}, workspace),
        "Microsoft.Storage": ({"StorageDelete"}, workspace),
        "Microsoft.EventHub": (of_the_hub, workspace),
        "Microsoft.CognitiveServices": ({"Audit"}, workspace),
    }


def test_captures_are_immutable_on_request(evaluator: Evaluator, tmp_path: Path) -> None:
    """Each version of a capture is kept for that time. Nothing else is: the ledger's reports and
    counts are overwritten and deleted, and other accounts have no versions.
    """
    more = """param captureRetentionDays = 40
param immutableCaptureDays = 14
param settings = { CONTENT_MODE: 'metadata' }"""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    (resource_id,) = [
        resource_id
        for resource_id in deployment.resources
        if "/immutabilityPolicies/" in resource_id
    ]
    assert resource_id.endswith("/containers/captures/immutabilityPolicies/default")
    assert deployment.resources[resource_id]["properties"] == {
        "immutabilityPeriodSinceCreationInDays": 14,
        "allowProtectedAppendWrites": False,
    }
    account = resource_id.partition("/blobServices/")[0]
    versioned = {
        resource_id.partition("/blobServices/")[0]
        for resource_id, resource in deployment.resources.items()
        if resource_id.endswith("/blobServices/default")
        and resource["properties"]["isVersioningEnabled"]
    }
    assert versioned == {account}
    containers = deployment.of("Microsoft.Storage/storageAccounts/blobServices/containers")
    immutable = [
        container["name"].rpartition("/")[2]
        for container in containers
        if container["properties"].get("immutableStorageWithVersioning") == {"enabled": True}
    ]
    assert immutable == ["captures"]
    rules = deployment.one("Microsoft.Storage/storageAccounts/managementPolicies")["properties"][
        "policy"
    ]["rules"]
    assert {
        rule["definition"]["actions"]["version"]["delete"]["daysAfterCreationGreaterThan"]
        for rule in rules
    } == {40}


def test_captures_are_not_immutable_by_default(evaluator: Evaluator, tmp_path: Path) -> None:
    """Erasing an exchange would not erase it."""
    deployment = evaluator.evaluate(switches.parameters(PLAIN), tmp_path)
    assert not [name for name in deployment.resources if "/immutabilityPolicies/" in name]
    for service in deployment.of("Microsoft.Storage/storageAccounts/blobServices"):
        assert service["properties"]["isVersioningEnabled"] is False


def test_a_setting_that_the_app_does_not_have_is_refused(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """A slip of the pen is found when the template is compiled."""
    with pytest.raises(EvaluationError, match="KEEP_ALIVE"):
        evaluator.evaluate(
            switches.parameters(PLAIN, "param settings = { KEEP_ALIVE: '5' }"), tmp_path
        )


def test_records_and_endpoints_may_be_elsewhere(evaluator: Evaluator, tmp_path: Path) -> None:
    """No DNS zones and records are made, and existing resources get no endpoint if the network
    reaches them already.
    """
    network = """param network = {
  kind: 'private'
  virtualNetwork: { kind: 'new', addressPrefix: '10.20.0.0/24' }
  dns: { kind: 'none' }
}"""
    more = f"""{network}
param openAi = [{{
  kind: 'existing'
  name: 'models'
  resourceGroup: 'models'
  privateEndpoint: false
}}]"""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    assert deployment.of("Microsoft.Network/privateDnsZones") == []
    assert deployment.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups") == []
    connections = [
        connection["properties"]
        for endpoint in deployment.of("Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    ]
    assert [connection for connection in connections if connection["groupIds"] == ["account"]] == []
    assert [connection for connection in connections if connection["groupIds"] == ["namespace"]]


def test_a_new_network_has_room_and_is_closed_from_outside(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The app's subnet is the largest; each has a security group, and the delegation that its
    service asks for.
    """
    deployment = evaluator.evaluate(switches.parameters(_positions(network="new")), tmp_path)
    subnets = {
        subnet["name"]: subnet["properties"]
        for subnet in deployment.one("Microsoft.Network/virtualNetworks")["properties"]["subnets"]
    }
    assert {name: subnet["addressPrefix"] for name, subnet in subnets.items()} == {
        "function-app": "10.20.0.0/26",
        "private-endpoints": "10.20.0.64/27",
        "api-management": "10.20.0.96/27",
    }
    delegations = {
        name: [to["properties"]["serviceName"] for to in subnet["delegations"]]
        for name, subnet in subnets.items()
    }
    assert delegations == {
        "function-app": ["Microsoft.App/environments"],
        "private-endpoints": [],
        "api-management": ["Microsoft.Web/serverFarms"],
    }
    assert {subnet["networkSecurityGroup"]["id"] for subnet in subnets.values()} == {
        resource["id"] for resource in deployment.of("Microsoft.Network/networkSecurityGroups")
    }
