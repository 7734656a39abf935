"""The alerts (alerts.bicep, platform-alerts.bicep, action-group.bicep)."""

from __future__ import annotations

from pathlib import Path

from tests.infra import switches
from tests.infra.bicep import INFRA, SUBSCRIPTION, Evaluator
from tests.infra.switches import PLAIN


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


def test_alerts_notify_the_action_groups(evaluator: Evaluator, tmp_path: Path) -> None:
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
