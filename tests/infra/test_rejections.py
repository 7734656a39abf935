"""Parameters that cannot work are rejected before a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra import switches
from tests.infra.bicep import EvaluationError, Evaluator
from tests.infra.switches import PLAIN, setting_with

REJECTIONS = {
    "Two accounts of openAi are one": (
        PLAIN,
        "param openAi = [{ kind: 'new', deployments: [] }, { kind: 'new', deployments: [], region: 'francecentral' }]",
    ),
    "BasicV2 cannot reach a virtual network": (
        setting_with(network="new"),
        "param apiManagement = { kind: 'new', sku: 'BasicV2', publisherEmail: 'a@example.com', publisherName: 'A' }",
    ),
    "azd env set PUBLISHER_EMAIL": (
        PLAIN,
        "param apiManagement = { kind: 'new', sku: 'BasicV2', publisherEmail: '', publisherName: 'A' }",
    ),
    "needs audienceClientId": (PLAIN, "param callerAuth = 'entra'"),
    "Basic cannot be reached over a private endpoint": (
        setting_with(network="new"),
        "param eventHubs = { kind: 'new', sku: 'Basic' }",
    ),
    "allowedCallers has no effect on a private network": (
        setting_with(network="new"),
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


@pytest.mark.parametrize("words", REJECTIONS)
def test_what_cannot_work_is_rejected_before_deployment(
    words: str, evaluator: Evaluator, tmp_path: Path
) -> None:
    """The message names what to change."""
    setting, more = REJECTIONS[words]
    with pytest.raises(EvaluationError, match=words):
        evaluator.evaluate(switches.parameters(setting, more), tmp_path)
