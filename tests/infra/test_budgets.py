"""The alert on budgets: its query, run, and who may read what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.infra import kql
from tests.infra.bicep import INFRA, Evaluator
from tests.infra.data_explorer import KUSTO, ON, evaluate

QUERY: Final = (INFRA / "queries" / "budget" / "over-budget.kql").read_text()
RULE: Final = "Microsoft.Insights/scheduledQueryRules"
BUDGETS: Final = f"""{ON}
param dataExplorer = {{ budgets: [{{ team: 'search', amount: 500 }}, {{ team: '*', amount: 900 }}] }}"""


def over(spent: dict[str, float], budgets: dict[str, float]) -> dict[str, float]:
    """The amounts of the teams that the query finds."""
    rows = ", ".join(f'"{team}", {amount}' for team, amount in budgets.items())
    query = QUERY.replace("COSTS", "costs").replace(
        "BUDGETS", f"datatable(team: string, budget: real)[{rows}]"
    )
    # the rule joins both by the team; the translator knows no comment before the first let
    query = "\n".join(line for line in query.splitlines() if not line.startswith("//"))
    table: list[dict[str, Any]] = [
        {"caller": team, "amount": amount / 2} for team, amount in spent.items() for _ in range(2)
    ]
    found = kql.run(query, {"costs": ({"caller": "VARCHAR", "amount": "DOUBLE"}, table)})
    return {row["team"]: row["amount"] for row in found}


@pytest.mark.parametrize(
    ("budgets", "teams"),
    [
        ({"search": 99}, {"search": 100}),
        ({"search": 100}, {}),
        ({"search": 99, "mail": 10}, {"search": 100, "mail": 20}),
        ({"*": 119}, {"*": 120}),
        ({"*": 120}, {}),
        ({"sales": 1}, {}),
    ],
)
def test_a_team_is_found_if_it_spent_more_than_its_budget(
    budgets: dict[str, float], teams: dict[str, float]
) -> None:
    """All days, models and deployments together; a team without a budget is never found."""
    assert over({"search": 100, "mail": 20}, budgets) == teams


def test_the_rule_queries_the_cluster_for_each_team(evaluator: Evaluator, tmp_path: Path) -> None:
    deployment = evaluate(evaluator, tmp_path, BUDGETS)
    (rule,) = [rule for rule in deployment.of(RULE) if rule["name"].endswith("-budget")]
    (criterion,) = rule["properties"]["criteria"]["allOf"]
    # the cluster's address is known to Azure alone
    assert ".costs(month, now())" in criterion["query"]
    assert 'datatable(team: string, budget: real)["search", 500, "*", 900]' in criterion["query"]
    assert criterion["dimensions"] == [{"name": "team", "operator": "Include", "values": ["*"]}]
    assert rule["properties"]["severity"] == 2
    assert rule["properties"]["actions"]["customProperties"]["guide"].endswith("watch-cost.md")


def test_the_rule_reads_the_database_by_an_identity_of_its_own(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    deployment = evaluate(evaluator, tmp_path, BUDGETS)
    (rule,) = [rule for rule in deployment.of(RULE) if rule["name"].endswith("-budget")]
    assert rule["identity"] == {"type": "SystemAssigned"}
    assignments = deployment.of(f"{KUSTO}/databases/principalAssignments")
    assert [found["properties"]["role"] for found in assignments] == ["Viewer", "Viewer"]
    assert "App" in [found["properties"]["principalType"] for found in assignments]


def test_without_budgets_there_is_no_rule(evaluator: Evaluator, tmp_path: Path) -> None:
    deployment = evaluate(evaluator, tmp_path)
    assert not [rule for rule in deployment.of(RULE) if rule["name"].endswith("-budget")]
