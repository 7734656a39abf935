"""The audit logs of all resources that hold secrets or data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra import switches
from tests.infra.bicep import Evaluator
from tests.infra.switches import PLAIN


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
