"""`analytics` adx: a cluster that reads the hub, and who may read what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.infra.bicep import INFRA, EvaluationError, Evaluator
from tests.infra.data_explorer import ANALYSTS, KUSTO, ON, evaluate

RECEIVER: Final = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"


def test_without_it_there_is_no_cluster(evaluator: Evaluator, tmp_path: Path) -> None:
    assert not evaluate(evaluator, tmp_path, "").of(KUSTO)


@pytest.mark.parametrize("hub", ["new", "existing"])
def test_the_cluster_reads_the_hub_by_its_own_identity_and_group(
    evaluator: Evaluator, tmp_path: Path, hub: str
) -> None:
    """No key; a consumer group that nobody else reads from; the mapping that the schema makes."""
    deployment = evaluate(evaluator, tmp_path, eventHubs=hub)
    cluster = deployment.one(KUSTO)
    properties = deployment.one(f"{KUSTO}/databases/dataConnections")["properties"]
    group = deployment.one("Microsoft.EventHub/namespaces/eventhubs/consumergroups")
    assert cluster["identity"] == {"type": "SystemAssigned"}
    assert properties["managedIdentityResourceId"] == cluster["id"]
    assert group["id"] == (
        f"{properties['eventHubResourceId']}/consumergroups/{properties['consumerGroup']}"
    )
    assert (properties["tableName"], properties["mappingRuleName"]) == ("exchanges_raw", "event")
    assert properties["eventSystemProperties"] == ["x-opt-enqueued-time"]


def test_only_cluster_and_analysts_may_receive(evaluator: Evaluator, tmp_path: Path) -> None:
    """Nobody else is a receiver of the Event Hub's data."""
    deployment = evaluate(evaluator, tmp_path)
    hub = deployment.one(f"{KUSTO}/databases/dataConnections")["properties"]["eventHubResourceId"]
    receivers = {
        properties["principalId"]: properties["principalType"]
        for resource, properties in deployment.assignments
        if properties["roleDefinitionId"].endswith(RECEIVER) and resource == hub
    }
    assert receivers.pop(ANALYSTS) == "Group"
    assert list(receivers.values()) == ["ServicePrincipal"]
    viewer = deployment.one(f"{KUSTO}/databases/principalAssignments")["properties"]
    figures = {name: viewer[name] for name in ("principalId", "principalType", "role")}
    assert figures == {"principalId": ANALYSTS, "principalType": "Group", "role": "Viewer"}


def test_the_script_defines_every_function_after_what_it_uses(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """Azure Data Explorer runs the commands in their order and refuses a function that calls one
    it does not know.
    """
    script = evaluate(evaluator, tmp_path).one(f"{KUSTO}/databases/scripts")["properties"]
    defined = re.findall(
        r"^\.create-or-alter function with .*?\) (\w+)\(", script["scriptContent"], re.M
    )
    files = {file.stem for file in (INFRA / "queries" / "analysts").glob("*.kql")} - {"schema"}
    commands = re.findall(
        r"^\.(create-merge table|create-or-alter function)", script["scriptContent"], re.M
    )
    assert commands == ["create-merge table", *["create-or-alter function"] * len(files)]
    assert defined[0] == "exchanges"
    assert set(defined) == files
    assert script["continueOnErrors"] is False


def test_size_and_retention_are_what_the_parameters_say(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """Prompts are kept for 90 days by default; Azure's own default is a hundred years."""
    more = (
        ON
        + "\nparam dataExplorer = { sku: 'Standard_E2ads_v5', instances: 3, retentionDays: 30, hotDays: 7 }"
    )
    plain = evaluate(evaluator, tmp_path)
    deployment = evaluate(evaluator, tmp_path, more)
    assert plain.one(KUSTO)["sku"] == {
        "name": "Dev(No SLA)_Standard_E2a_v4",
        "tier": "Basic",
        "capacity": 1,
    }
    assert plain.one(f"{KUSTO}/databases")["properties"]["softDeletePeriod"] == "P90D"
    assert deployment.one(KUSTO)["sku"] == {
        "name": "Standard_E2ads_v5",
        "tier": "Standard",
        "capacity": 3,
    }
    assert deployment.one(f"{KUSTO}/databases")["properties"] == {
        "softDeletePeriod": "P30D",
        "hotCachePeriod": "P7D",
    }


def test_on_a_private_network_the_cluster_is_private_as_well(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """Analysts reach it over an endpoint with records in its region's zone. It reads the hub over
    an endpoint that it asks the namespace for, in the words that the hook looks for.
    """
    deployment = evaluate(evaluator, tmp_path, network="new")
    cluster = deployment.one(KUSTO)
    assert cluster["properties"]["publicNetworkAccess"] == "Disabled"
    (endpoint,) = [
        resource
        for resource in deployment.of("Microsoft.Network/privateEndpoints")
        if resource["name"].endswith("-data-explorer")
    ]
    (connection,) = endpoint["properties"]["privateLinkServiceConnections"]
    assert connection["properties"] == {
        "privateLinkServiceId": cluster["id"],
        "groupIds": ["cluster"],
    }
    zones = {zone["name"] for zone in deployment.of("Microsoft.Network/privateDnsZones")}
    (group,) = [
        resource["properties"]["privateDnsZoneConfigs"]
        for resource_id, resource in deployment.resources.items()
        if resource_id.startswith(f"{endpoint['id']}/privateDnsZoneGroups/")
    ]
    records = {config["properties"]["privateDnsZoneId"].rpartition("/")[2] for config in group}
    assert records <= zones
    assert "privatelink.swedencentral.kusto.windows.net" in records
    request = deployment.one(f"{KUSTO}/managedPrivateEndpoints")["properties"]
    assert request["privateLinkResourceId"] == deployment.one("Microsoft.EventHub/namespaces")["id"]
    assert (request["groupId"], request["privateLinkResourceRegion"]) == (
        "namespace",
        "swedencentral",
    )
    assert request["requestMessage"] == f"fnsse: {cluster['name']} reads events"


def test_without_a_private_network_it_needs_no_way_of_its_own(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    deployment = evaluate(evaluator, tmp_path)
    assert deployment.one(KUSTO)["properties"]["publicNetworkAccess"] == "Enabled"
    assert deployment.of(f"{KUSTO}/managedPrivateEndpoints") == []


def test_budgets_on_a_private_network_are_rejected(evaluator: Evaluator, tmp_path: Path) -> None:
    """Azure Monitor asks the cluster from outside; the rule would fail in silence."""
    more = f"{ON}\nparam dataExplorer = {{ budgets: [{{ team: 'search', amount: 500 }}] }}"
    with pytest.raises(EvaluationError, match="Leave budgets out"):
        evaluate(evaluator, tmp_path, more, network="new")


def test_a_tier_without_consumer_groups_is_rejected(evaluator: Evaluator, tmp_path: Path) -> None:
    more = f"{ON}\nparam eventHubs = {{ kind: 'new', sku: 'Basic' }}"
    with pytest.raises(EvaluationError, match="have consumer groups"):
        evaluate(evaluator, tmp_path, more)
