"""checkov over the templates, compiled and evaluated: no check fails without a reason that stands
here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.infra import switches
from tests.infra.bicep import Deployment
from tests.infra.checkov import CheckFailure, Findings, scan

pytestmark = pytest.mark.thorough

# The checks that every deployment skips, and why.
EVERYWHERE: Final = {
    "CKV_AZURE_17": "client certificates: the app knows API Management by a function key or an Entra token",
    "CKV_AZURE_41": "an expiry of the function key: Functions gives it none, and an end of calls on a date is no safety",
    "CKV_AZURE_78": "FTP's state: Flex Consumption has no FTP and refuses the property; FTP passwords are off as well",
    "CKV_AZURE_42": "purge protection: Functions can give the vault's key again; on in production",
    "CKV_AZURE_110": "purge protection: keyVaultPurgeProtection, in production",
    "CKV_AZURE_174": "public access of API Management: callers reach it; who needs a private one brings it (kind: existing)",
    "CKV_AZURE_206": "the check knows geo-redundancy alone; storageSku takes Standard_GZRS",
    "CKV_AZURE_212": "a minimum of instances: on Flex Consumption that is scale.alwaysReady, which the check does not know",
    "CKV_AZURE_213": "a health check path: Flex Consumption replaces instances by itself and has no such setting",
    "CKV_AZURE_225": "zones of the plan: scale.zoneRedundant; they cost two instances always ready, and some regions have none",
    "CKV_AZURE_238": "an identity of Azure OpenAI: it calls nothing",
}
# What the private network switches off. Without it addresses are public, and Entra roles alone open
# them.
WITHOUT_THE_PRIVATE_NETWORK: Final = {
    "CKV_AZURE_35": "storage has no keys and no anonymous access",
    "CKV_AZURE_59": "storage has no keys and no anonymous access; the check means the network",
    "CKV_AZURE_107": "API Management needs no network to reach a public address",
    "CKV_AZURE_109": "the vault takes roles alone, and API Management has one on one secret",
    "CKV_AZURE_134": "Azure OpenAI has no keys",
    "CKV_AZURE_189": "the vault takes roles alone, and API Management has one on one secret",
    "CKV_AZURE_222": "the app answers its gateway, and health, alone",
}
WITH_THE_PRIVATE_NETWORK: Final = {
    "CKV_AZURE_36": "trusted services may pass storage's network rules only where one of them has to: Event Hubs Capture",
}
OPEN_DOOR: Final = "open-door"
SETTINGS: Final = {
    f"setting-{number}": setting for number, setting in enumerate(switches.settings())
}


@pytest.fixture(scope="module")
def findings(
    deployments: dict[str, Deployment], tmp_path_factory: pytest.TempPathFactory
) -> Findings:
    """checkov's findings for every setting of the switches, and for one open door. A resource that
    two settings deploy alike is scanned once; public and private ones are kept apart.
    """
    folder = tmp_path_factory.mktemp("templates")
    scanned: set[tuple[bool, str]] = set()
    for stem, setting in SETTINGS.items():
        resources = []
        for resource in deployments[switches.name(setting)].resources.values():
            known = (("network", "none") in setting, json.dumps(resource, sort_keys=True))
            if known not in scanned:
                scanned.add(known)
                resources.append(resource)
        _write(folder / f"{stem}.json", resources)
    _write(folder / f"{OPEN_DOOR}.json", [_open_door(deployments["plain"])])
    return scan(folder)


def _open_door(deployment: Deployment) -> dict[str, Any]:
    """A storage account that takes plain HTTP, and old TLS."""
    account: dict[str, Any] = copy.deepcopy(deployment.of("Microsoft.Storage/storageAccounts")[0])
    account["properties"] |= {"supportsHttpsTrafficOnly": False, "minimumTlsVersion": "TLS1_0"}
    return account


def _write(file: Path, resources: list[dict[str, Any]]) -> None:
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    file.write_text(
        json.dumps({"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources})
    )


def _failures(findings: Findings) -> list[CheckFailure]:
    """The failures of the deployments."""
    return [failure for failure in findings.failures if failure.template != OPEN_DOOR]


def _reasons(template: str) -> dict[str, str]:
    private = ("network", "none") not in SETTINGS[template]
    return EVERYWHERE | (WITH_THE_PRIVATE_NETWORK if private else WITHOUT_THE_PRIVATE_NETWORK)


def test_no_check_fails_without_a_reason(
    findings: Findings, record_property: Callable[[str, object], None]
) -> None:
    """checkov's figures, summed over all settings, stand at the end of the test run."""
    unexplained = [
        failure
        for failure in _failures(findings)
        if failure.check not in _reasons(failure.template)
    ]
    skipped = len(_failures(findings)) - len(unexplained)
    figures = (
        f"{findings.passed} passed, {len(unexplained)} failed, {skipped} skipped with a reason, "
        f"in {len(SETTINGS)} deployments"
    )
    record_property("figures", f"checkov: {figures}")
    assert unexplained == []
    assert findings.passed > 100


def test_no_reason_outlives_its_check(findings: Findings) -> None:
    """A check that passes is no longer skipped, and a private network skips no check that it should
    satisfy.
    """
    failed = {
        (failure.check, ("network", "none") in SETTINGS[failure.template])
        for failure in _failures(findings)
    }
    assert {check for check, _ in failed} == {
        *EVERYWHERE,
        *WITHOUT_THE_PRIVATE_NETWORK,
        *WITH_THE_PRIVATE_NETWORK,
    }
    assert {check for check, public in failed if not public} == {
        *EVERYWHERE,
        *WITH_THE_PRIVATE_NETWORK,
    }


def test_an_open_door_would_be_seen(findings: Findings) -> None:
    """A storage account that takes plain HTTP, and old TLS, fails checks that have no reason."""
    failed = {failure.check for failure in findings.failures if failure.template == OPEN_DOOR}
    assert failed - _reasons("setting-0").keys() == {"CKV_AZURE_3", "CKV_AZURE_44"}
