"""docs/how-to/alerts is the runbook: a page for each alert rule, to which the rule links, and
commands that can be run. docs/how-to/answer-an-alert.md is its index.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

import pytest

from local.repository import ROOT
from shared.core.records.exchange.outcome import Outcome
from tests.infra import kql
from tests.infra.bicep import Deployment
from tests.infra.hook_tools import functions_in_code
from tests.infra.telemetry import delivered_row, did_nothing, exceptions_of, request, tables

FOLDER: Final = "docs/how-to/alerts"
PAGES: Final = {page.stem: page.read_text("utf-8") for page in sorted((ROOT / FOLDER).iterdir())}
INDEX: Final = (ROOT / "docs/how-to/answer-an-alert.md").read_text("utf-8")
TEXT: Final = "\n".join([INDEX, *PAGES.values()])
DEPLOY: Final = (ROOT / "docs/reference/deployment-options.md").read_text("utf-8")
COST: Final = (ROOT / "docs/reference/cost-of-running.md").read_text("utf-8")
ALERTS: Final = sorted(
    [
        *(file.stem for file in (ROOT / "infra" / "queries").glob("*.kql")),
        "event-hub-throttled",
        "gateway-busy",
        "not-ready",
        "openai-throttled",
        "storage-unavailable",
    ]
)
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
QUERIES: Final = re.findall(r"--analytics-query '\n(.*?)'\n", TEXT, re.DOTALL)

_COMMON: Final = {"-g", "-n", "-o", "--query"}
_STORAGE: Final = {"--auth-mode", "--account-name"}
# The commands of the Azure CLI that the pages use and their options (from its reference).
KNOWN: Final = {
    "functionapp keys list": _COMMON,
    "functionapp config appsettings list": _COMMON,
    "functionapp function list": _COMMON,
    "functionapp show": _COMMON,
    "apim show": _COMMON,
    "monitor app-insights query": {"--app", "-g", "--offset", "--analytics-query"},
    "extension add": {"--name"},
    "role assignment list": {"--scope", "--include-inherited", "-o"},
    "storage blob show": {*_STORAGE, "-c", "-n"},
    "storage message peek": {*_STORAGE, "--queue-name", "--num-messages"},
    "storage blob download": {*_STORAGE, "-c", "-n"},
}


def az_commands() -> list[list[str]]:
    """The words of each command; a placeholder is `x`."""
    inline = re.findall(r"`(az [^`]+)`", re.sub(r"^```.*?^```", "", TEXT, flags=re.M | re.S))
    found = [*inline]
    for block in BLOCKS:
        found += re.findall(
            r"(?:^|\$\()(az (?:[^\n'\")\\]|'[^']*'|\"[^\"]*\"|\\\n)+)", block, re.MULTILINE
        )
    words = [shlex.split(re.sub(r"<[^>]*>", "x", found_one), comments=True) for found_one in found]
    return [command for command in words if any(word.startswith("-") for word in command)]


def page_of(link: str) -> tuple[str, str]:
    """The folder and the name of a page, from an alert's link to it."""
    folder, _, name = link.rpartition("/")
    return folder, name.removesuffix(".md")


def test_every_alert_rule_links_to_its_page(deployments: dict[str, Deployment]) -> None:
    """The link is in its description, which a mail shows, and in its properties, which a webhook
    gets.
    """
    deployment = deployments["plain"]
    rules = deployment.of("Microsoft.Insights/scheduledQueryRules")
    measured = deployment.of("Microsoft.Insights/metricAlerts")
    names = {rule["name"].removeprefix("alert-contoso-gateway-test-") for rule in rules + measured}
    assert {re.sub(r"^\d+-", "", name) for name in names} == set(ALERTS)
    for rule in measured:
        folder, name = page_of(rule["properties"]["description"].rpartition(" ")[2])
        assert (folder, rule["name"].endswith(name), name in PAGES) == (FOLDER, True, True)
    for rule in rules:
        properties = rule["properties"]
        link = properties["description"].rpartition(" ")[2]
        folder, name = page_of(link)
        assert (folder, properties["actions"]["customProperties"]) == (FOLDER, {"runbook": link})
        assert rule["name"].endswith(name)
        assert name in PAGES


def test_every_page_belongs_to_an_alert_and_is_in_the_index() -> None:
    assert sorted(PAGES) == ALERTS
    listed = re.findall(r"^\| \[([a-z-]+)\]\(alerts/\1\.md\) \|", INDEX, re.MULTILINE)
    assert sorted(listed) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_a_page_has_what_an_operator_on_call_needs(alert: str) -> None:
    """Users first, three commands, causes with their fixes, and when it ends."""
    page = PAGES[alert]
    parts = ["**Users**", "## First look", "## Causes and fixes", "## When it ends"]
    places = [page.find(part) for part in parts]
    assert page.startswith(f"# {alert}\n")
    assert -1 not in places
    assert places == sorted(places)
    assert page[places[1] : places[2]].count("```sh\n") == 3


def test_a_list_of_functions_is_as_long_as_the_pages_say() -> None:
    """A reader who finds another length in Azure looks for a mistake."""
    stated = [
        *re.findall(r"list's length is 0 instead of (\d+)", TEXT),
        *re.findall(r"--query 'length\(@\)' +# (\d+), not 0", DEPLOY),
    ]
    assert stated == [str(len(functions_in_code()))] * 2


def test_alerts_that_cost_are_as_many_as_the_page_says(deployments: dict[str, Deployment]) -> None:
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    deployment = deployments["plain"]
    logs, metrics, tests = (
        numbers[len(deployment.of(f"Microsoft.Insights/{kind}")) - 1]
        for kind in ("scheduledQueryRules", "metricAlerts", "webtests")
    )
    expected = f"({logs} log rules, {metrics} metric alerts, {tests} availability test"
    assert expected in " ".join(COST.split())


def test_every_az_command_is_one_of_the_cli() -> None:
    """Its options are checked as well. The commands themselves need Azure."""
    commands = az_commands()
    assert len(commands) > 10
    for az, *words in commands:
        verb = " ".join(words[: next(i for i, word in enumerate(words) if word.startswith("-"))])
        options = {word for word in words if re.match(r"--?[a-z]", word)}
        assert (az, options - KNOWN[verb]) == ("az", set()), verb


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_every_query_runs_over_rows_as_the_app_logs_them(query: str) -> None:
    day = tables(
        traces=[
            delivered_row(Outcome.COMPLETED, Outcome.TIMED_OUT),
            did_nothing("the queue still holds 3 envelopes"),
            {**did_nothing(""), "message": "Exchange 01 was given up by the queue"},
            {**did_nothing(""), "message": "Exchange 01 could not be recorded at all."},
            {**did_nothing(""), "message": "Exchange 01 was altered in storage: the request's"},
        ],
        requests=[request("openai", "200", success=False)],
        exceptions=exceptions_of("enrichment", "DeliveryError: the Event Hub refused: server-busy"),
    )
    assert kql.run(query, day)


def test_exceptions_hold_the_reasons_of_a_failure() -> None:
    """Each failure is one exception, without the stack."""
    (query,) = [query for query in QUERIES if "exceptions" in query]
    rows = exceptions_of("enrichment", "DeliveryError: the Event Hub refused: server-busy")
    (found,) = kql.run(query, tables(exceptions=rows))
    assert (found["reason"], found["times"]) == (
        "DeliveryError: the Event Hub refused: server-busy",
        1,
    )
