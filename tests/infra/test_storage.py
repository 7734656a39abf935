"""The storage accounts (storage.bicep): retention, soft delete, immutability, who writes what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.core.records.delivery import ledger_entries
from shared.core.records.exchange import capture
from tests.infra import switches
from tests.infra.bicep import Deployment, Evaluator
from tests.infra.switches import PLAIN, setting_with

CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"  # Storage Blob Data Contributor


@pytest.mark.parametrize("event_hubs", ["new", "capture"])
def test_one_parameter_sets_retention_in_rules_and_app(
    event_hubs: str, evaluator: Evaluator, tmp_path: Path
) -> None:
    """Captures and ledger expire after the number of days that the app also gets; the default is
    30.
    """
    for days, line in ((7, "param captureRetentionDays = 7"), (30, "")):
        deployment = evaluator.evaluate(
            switches.parameters(setting_with(eventHubs=event_hubs), line), tmp_path
        )
        expiries = _expiries(deployment)
        assert deployment.app_settings["CAPTURE_RETENTION_DAYS"] == str(days)
        assert expiries.keys() - {"event-hubs-capture/"} == {
            f"{capture.CONTAINER}/",
            f"{ledger_entries.CONTAINER}/",
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
    """It is that of the account of captures alone: the host's account holds no captures."""
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
