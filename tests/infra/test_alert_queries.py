"""Each alert's query, run: rows that must raise it, and rows that must not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from local.repository import ROOT
from shared.core.records.completeness.report import Report
from tests.infra import kql
from tests.infra.bicep import INFRA, Deployment
from tests.infra.kql import KqlRow

# The columns of Application Insights that the queries read.
_CALL = {
    "timestamp": "TIMESTAMP",
    "name": "VARCHAR",
    "resultCode": "VARCHAR",
    "itemCount": "BIGINT",
}
_TRACE = {"timestamp": "TIMESTAMP", "message": "VARCHAR"}
_DEPENDENCY = _CALL | {"data": "VARCHAR", "target": "VARCHAR"}


def ago(minutes: float) -> timedelta:
    """The age of a row. Its moment is only known when the query runs, maybe minutes after the cases
    were collected.
    """
    return timedelta(minutes=minutes)


def date_rows(rows: list[KqlRow]) -> list[KqlRow]:
    """The rows with their moments, as Application Insights has them: in UTC."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return [row | {"timestamp": now - row["timestamp"]} for row in rows]


def call(name: str = "openai", status: int = 200, count: int = 1, minutes: float = 6) -> KqlRow:
    """A request that the app's host reported."""
    return {
        "timestamp": ago(minutes),
        "name": name,
        "resultCode": str(status),
        "itemCount": count,
    }


def gateway_row(status: str, count: int) -> KqlRow:
    """Calls of the gateway to the app."""
    url = "https://func-dev-abc.azurewebsites.net/openai/deployments/gpt/chat/completions"
    return {
        "timestamp": ago(6),
        "name": f"POST {url}",
        "target": "func-dev-abc.azurewebsites.net",
        "data": url,
        "resultCode": status,
        "itemCount": count,
    }


def line(message: str, minutes: float = 6) -> KqlRow:
    return {"timestamp": ago(minutes), "message": message}


def delivered_row(events: int = 1, failed: int = 0, first_chunk_ms: Iterable[int] = ()) -> KqlRow:
    summary = {
        "events": events,
        "replayed": 0,
        "failed": failed,
        "first_chunk_ms": list(first_chunk_ms),
        "outcomes": {},
    }
    return line(f"Delivered {json.dumps(summary)}")


def report_row(*, complete: bool, minutes: float, waiting: str | None = None) -> KqlRow:
    hour = "2026/11/23/14"
    report = Report(
        window=hour, captured=2, delivered=2 if complete else 1, ended=True, waiting=waiting
    ).to_json()
    assert report["complete"] is complete
    return line(f"Completeness of {hour}: {json.dumps(report)}", minutes)


@dataclass(frozen=True, kw_only=True)
class AlertCase:
    """The rows that Application Insights holds, and whether the alert is raised."""

    alert: str
    what: str
    raised: bool
    requests: list[KqlRow] = field(default_factory=list)
    traces: list[KqlRow] = field(default_factory=list)
    dependencies: list[KqlRow] = field(default_factory=list)


_TIMER = "reconcile_timer"
_LOST = "Exchange 01J could not be recorded at all. The log has its envelope."
CASES = [
    AlertCase(alert="altered", what="a replayed capture", raised=True,
         traces=[line("Exchange 01J was altered in storage: the request's capture was altered")]),
    AlertCase(alert="altered", what="other lines", raised=False,
         traces=[delivered_row(), line("Exchange 01J is requeued")]),
    AlertCase(alert="app-silent", what="the timer stopped", raised=True,
         requests=[call(_TIMER, minutes=90), call("openai", minutes=1)]),
    AlertCase(alert="app-silent", what="nothing runs any more", raised=True,
         requests=[call(_TIMER, minutes=1000)]),
    AlertCase(alert="app-silent", what="the timer runs", raised=False,
         requests=[call(_TIMER, minutes=90), call(_TIMER, minutes=9)]),
    AlertCase(alert="app-silent", what="deployed a moment ago", raised=False,
         requests=[call("health_ready", minutes=5)]),
    AlertCase(alert="app-silent", what="nothing was deployed yet", raised=False),
    # In host.json's telemetryMode OpenTelemetry a request has its method's name, and timers and
    # queues have none: the alerts are wrong or blind.
    AlertCase(alert="app-silent", what="OpenTelemetry, although the timer runs", raised=True,
         requests=[call("POST", minutes=90), call("POST", minutes=1)]),
    AlertCase(alert="nothing-delivered", what="OpenTelemetry, although nothing is", raised=False,
         requests=[call("POST", count=50)]),
    AlertCase(alert="error-share", what="OpenTelemetry, although all calls fail", raised=False,
         requests=[call("POST", status=500, count=50)]),
    AlertCase(alert="gateway-refused", what="OpenTelemetry, although all is well", raised=True,
         requests=[call("POST", count=50)], dependencies=[gateway_row("200", 50)]),
    AlertCase(alert="gateway-refused", what="the key is refused", raised=True,
         dependencies=[gateway_row("401", 50)]),
    AlertCase(alert="gateway-refused", what="the app does not answer", raised=True,
         requests=[call(count=50)], dependencies=[gateway_row("200", 50), gateway_row("503", 5)]),
    AlertCase(alert="gateway-refused", what="the connection fails", raised=True,
         requests=[call(count=50)], dependencies=[gateway_row("200", 50), gateway_row("", 5)]),
    AlertCase(alert="gateway-refused", what="no function is loaded", raised=True,
         dependencies=[gateway_row("404", 50)]),
    AlertCase(alert="gateway-refused", what="callers' mistakes", raised=False,
         requests=[call(count=50)], dependencies=[gateway_row("404", 30), gateway_row("429", 20)]),
    AlertCase(alert="gateway-refused", what="too few calls", raised=False,
         dependencies=[gateway_row("401", 19)]),
    AlertCase(alert="gateway-refused", what="no calls", raised=False),
    AlertCase(alert="not-recorded", what="a loss", raised=True, traces=[line(_LOST)]),
    AlertCase(alert="not-recorded", what="a capture was not stored", raised=True,
         traces=[line("The response capture of exchange 01J could not be stored: 503")]),
    AlertCase(alert="not-recorded", what="other lines", raised=False,
         traces=[delivered_row(), line("Exchange 01J is requeued")]),
    AlertCase(alert="error-share", what="calls fail", raised=True,
         requests=[call(count=50), call(status=500, count=5)]),
    AlertCase(alert="error-share", what="streams break", raised=True,
         traces=[delivered_row(events=60, failed=6)]),
    AlertCase(alert="error-share", what="callers' mistakes", raised=False,
         requests=[call(count=50), call(status=429, count=50)]),
    AlertCase(alert="error-share", what="too few calls", raised=False,
         requests=[call(status=500, count=49)]),
    AlertCase(alert="nothing-delivered", what="calls and no event", raised=True,
         requests=[call(count=10)]),
    AlertCase(alert="nothing-delivered", what="events", raised=False,
         requests=[call(count=10)], traces=[delivered_row()]),
    AlertCase(alert="nothing-delivered", what="on the way", raised=False,
         requests=[call(count=10, minutes=1)]),
    AlertCase(alert="poison", what="the queue gave up", raised=True,
         requests=[call("enrichment_poison")]),
    AlertCase(alert="poison", what="a dead letter", raised=True,
         traces=[line("Exchange 01J can never be delivered and is dead-lettered: too large")]),
    AlertCase(alert="poison", what="all is well", raised=False,
         requests=[call("enrichment")], traces=[delivered_row()]),
    AlertCase(alert="reconcile-incomplete", what="an hour stays incomplete", raised=True,
         traces=[report_row(complete=False, minutes=10 * run) for run in (1, 2, 3)]),
    AlertCase(alert="reconcile-incomplete", what="runs have to wait", raised=True,
         requests=[call(_TIMER, minutes=200), call(_TIMER, minutes=1)],
         traces=[line("Reconcile did nothing: the Event Hub is not ready", 30),
                 line("Reconcile did nothing: the queue still holds 3 envelopes", 1)]),
    AlertCase(alert="reconcile-incomplete", what="an hour became complete", raised=False,
         traces=[report_row(complete=False, minutes=10 * run) for run in (2, 3, 4)]
         + [report_row(complete=True, minutes=10)]),
    AlertCase(alert="reconcile-incomplete", what="it runs and judges nothing", raised=True,
         requests=[call(_TIMER, minutes=200), call(_TIMER, minutes=1)]),
    AlertCase(alert="time-to-first-chunk", what="late streams", raised=True,
         traces=[delivered_row(events=50, first_chunk_ms=[16000] * 50)]),
    AlertCase(alert="time-to-first-chunk", what="quick streams", raised=False,
         traces=[delivered_row(events=50, first_chunk_ms=[900] * 50)]),
]  # fmt: skip


def case_id(case: AlertCase) -> str:
    return f"{case.alert}: {case.what}"


def rows(case: AlertCase) -> list[KqlRow]:
    """The rows that the query of the case's alert returns."""
    query = (INFRA / "queries" / f"{case.alert}.kql").read_text()
    tables = {
        "requests": (_CALL, date_rows(case.requests)),
        "traces": (_TRACE, date_rows(case.traces)),
        "dependencies": (_DEPENDENCY, date_rows(case.dependencies)),
    }
    return kql.run(query, tables)


def rows_of(alert: str, what: str) -> list[KqlRow]:
    (case,) = [case for case in CASES if (case.alert, case.what) == (alert, what)]
    return rows(case)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_an_alert_is_raised_when_it_should_be_and_only_then(case: AlertCase) -> None:
    """A rule is raised by any row that its query returns."""
    assert bool(rows(case)) is case.raised


def test_a_reconcile_that_is_held_up_says_why() -> None:
    """The last reason, in the column that the notification holds. Figures are left out: each new
    one would be an alert of its own.
    """
    (found,) = rows_of("reconcile-incomplete", "runs have to wait")
    assert (found["what"], found["reason"]) == (
        "no hour judged",
        "the queue still holds N envelopes",
    )
    (found,) = rows_of("reconcile-incomplete", "it runs and judges nothing")
    assert found["reason"] == "none logged"
    stopped = [
        report_row(complete=False, minutes=10 * run, waiting="the Event Hub is not ready")
        for run in (1, 2, 3)
    ]
    (found,) = rows(AlertCase(alert="reconcile-incomplete", what="", raised=True, traces=stopped))
    assert (found["what"], found["reason"]) == ("incomplete", "the Event Hub is not ready")


@pytest.mark.parametrize("case", [case for case in CASES if case.raised], ids=case_id)
def test_a_notification_holds_the_columns_that_it_should(
    case: AlertCase, deployments: dict[str, Deployment]
) -> None:
    """Each dimension of the rule is a column of text that its query returns."""
    (rule,) = [
        resource["properties"]
        for resource in deployments["plain"].of("Microsoft.Insights/scheduledQueryRules")
        if resource["name"].endswith(f"-{case.alert}")
    ]
    (criterion,) = rule["criteria"]["allOf"]
    columns = {dimension["name"] for dimension in criterion["dimensions"]}
    for row in rows(case):
        assert all(isinstance(row[column], str) and row[column] for column in columns)
        assert columns >= {"what", "reason"} & row.keys()


def test_every_alert_is_tried_both_ways() -> None:
    """A new alert needs rows that raise it, and rows that do not."""
    alerts = {file.stem for file in (INFRA / "queries").glob("*.kql")}
    for raised in (True, False):
        assert {case.alert for case in CASES if case.raised is raised} == alerts


def test_the_host_names_requests_as_the_alerts_read_them() -> None:
    """It names them by their function in every telemetry mode but OpenTelemetry."""
    assert "telemetryMode" not in json.loads((ROOT / "host.json").read_text("utf-8"))
