"""The workbook: every tile says how to read it, and every query runs over rows as the app logs
them.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from shared.core.records.completeness.report import Report
from shared.core.records.exchange.outcome import Outcome
from tests.infra import kql
from tests.infra.bicep import INFRA, Deployment
from tests.infra.kql import KqlRow
from tests.infra.telemetry import (
    Tables,
    delivered_row,
    did_nothing,
    exceptions_of,
    report_row,
    request,
    tables,
    trace,
)

QUERIES: Final = sorted((INFRA / "queries" / "workbook").glob("*.kql"))
_LATER: Final = timedelta(minutes=10)
DAY: Final = tables(
    traces=[
        delivered_row(Outcome.COMPLETED, Outcome.COMPLETED, Outcome.ABORTED),
        delivered_row(Outcome.COMPLETED, after=_LATER),
        report_row(Report(window="2026/11/23/11", captured=2, delivered=1, ended=True)),
        report_row(
            Report(window="2026/11/23/11", captured=2, delivered=2, ended=True), after=_LATER
        ),
        trace("Exchange 01J could not be recorded at all. Its envelope: {}", "openai"),
        trace("The response of exchange 01J could not be stored: ServerBusy", "openai"),
        did_nothing("the queue still holds 3 envelopes"),
        did_nothing("the Event Hub is not ready", after=_LATER),
    ],
    requests=[
        request("openai", "200", success=False, count=4),
        request("openai", "503", success=True),
        request("enrichment", "0", success=True, count=3),
        request("enrichment", "0", success=False),
        request("reconcile_timer", "0", success=True),
    ],
    exceptions=[
        *exceptions_of("enrichment", "DeliveryError: the Event Hub refused: server-busy"),
        *exceptions_of("openai", "TaskCanceledException: The operation was canceled."),
    ],
)


def rows(name: str, over: Tables = DAY) -> list[KqlRow]:
    """The result of a tile in bins of five minutes."""
    query = (INFRA / "queries" / "workbook" / f"{name}.kql").read_text()
    query = query.replace("{grain}", "5m")
    # DuckDB's translator has no row_cumsum: the running sum stays untried.
    return kql.run(query.replace("row_cumsum(difference)", "difference"), over)


def without_time(found: list[KqlRow]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in {"timestamp", "latest"}}
        for row in found
    ]


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_every_tile_shows_something_on_a_normal_day(file: Path) -> None:
    assert rows(file.stem)


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_tile_without_telemetry_is_empty(file: Path) -> None:
    """Before the first call nothing fails, and nothing waits."""
    assert rows(file.stem, tables()) == []


def test_calls_are_distinguished_by_their_status() -> None:
    """A stream that an SDK has read is a success, although the host calls it failed."""
    found = without_time(rows("calls"))
    assert sorted(found, key=lambda row: str(row["status"])) == [
        {"status": "2xx", "calls": 4},
        {"status": "5xx", "calls": 1},
    ]


def test_what_waits_is_what_was_answered_and_not_delivered() -> None:
    assert [row["waiting"] for row in rows("waits")] == [2, -1]


def test_outcomes_are_counted() -> None:
    counted = {(row["outcome"], row["exchanges"]) for row in rows("outcomes")}
    assert counted == {("completed", 2), ("completed", 1), ("aborted", 1)}


def test_complaints_are_grouped_without_their_figures() -> None:
    """Each failure once, and no stream that an SDK has read."""
    assert {(row["line"], row["lines"]) for row in rows("complaints")} == {
        ("Reconcile did nothing: the queue still holds … envelopes", 1),
        ("Reconcile did nothing: the Event Hub is not ready", 1),
        ("DeliveryError: the Event Hub refused: server-busy", 1),
    }


def test_an_hour_is_shown_as_it_was_judged_last() -> None:
    ((hour, complete),) = [(row["hour"], row["complete"]) for row in rows("completeness")]
    assert (hour, complete) == ("2026/11/23/11", True)


def test_what_could_not_be_recorded_is_counted_by_its_kind() -> None:
    counted = {(row["what"], row["exchanges"]) for row in rows("not-recorded")}
    assert counted == {("not recorded at all", 1), ("a part not stored", 1)}


def test_the_reasons_of_reconcile_come_latest_first() -> None:
    assert without_time(rows("reconcile-waits")) == [
        {"reason": "the Event Hub is not ready", "runs": 1},
        {"reason": "the queue still holds 3 envelopes", "runs": 1},
    ]


def test_each_tile_follows_a_sentence_that_says_how_to_read_it(
    deployments: dict[str, Deployment],
) -> None:
    """Every query of the folder is a tile."""
    workbook = deployments["plain"].one("Microsoft.Insights/workbooks")
    time_range, *items = json.loads(workbook["properties"]["serializedData"])["items"]
    assert time_range["type"] == 9
    texts, tiles = items[::2], items[1::2]
    assert {item["type"] for item in texts} == {1}
    for text, tile in zip(texts, tiles, strict=True):
        heading, sentence = text["content"]["json"].split("\n")
        assert heading == f"### {tile['name']}"
        assert sentence.endswith(".")
    assert sorted(tile["content"]["query"] for tile in tiles) == sorted(
        file.read_text().replace("{grain}", "{time:grain}") for file in QUERIES
    )
