"""The Event Hub (event-hubs.bicep): tiers, retention and Event Hubs Capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra import switches
from tests.infra.bicep import Evaluator
from tests.infra.switches import PLAIN, setting_with


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
        switches.parameters(setting_with(eventHubs="capture", network="new")), tmp_path
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
