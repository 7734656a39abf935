"""The queries of alerts and workbook match what the app and the host write."""

from __future__ import annotations

import ast
import json
import logging
import re
from functools import cache
from pathlib import Path

import pytest

from harness.sample_envelope import PLAIN, sample_envelope
from local.repository import ROOT
from shared.core.records.completeness.report import Report
from shared.core.records.exchange.outcome import Outcome
from shared.enrichment.delivery_log import PREFIX, DeliveryLog, summarize

QUERIES = ROOT / "infra" / "queries"
ALERTS = sorted(QUERIES.glob("*.kql"))
OF_THE_APP = ALERTS + sorted(QUERIES.glob("workbook/*.kql"))
OF_ANALYSTS = sorted(QUERIES.glob("analysts/*.kql"))
SOURCES = [
    file.read_text()
    for folder in ("blueprints", "shared")
    for file in (ROOT / folder).rglob("*.py")
]


@cache
def functions() -> frozenset[str]:
    """The names of the app's functions, from its source."""
    return frozenset(
        name
        for source in SOURCES
        for name in re.findall(r"@\w+\.function_name\(\"(\w+)\"\)", source)
    )


@cache
def log_messages() -> frozenset[str]:
    """Every literal that the app logs with a level of its own."""
    found: set[str] = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) == "_log"
            ):
                found |= {
                    argument.value
                    for argument in node.args[:1]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    return frozenset(found)


def test_a_failed_call_is_a_server_error() -> None:
    """A 4xx status, which the caller caused, does not count as a failure of the proxy."""
    query = (QUERIES / "error-share.kql").read_text()
    assert "failed = sumif(itemCount, toint(resultCode) >= 500)" in query
    assert "failed = sum(tolong(summary.failed))" in query


@pytest.mark.parametrize("file", OF_THE_APP, ids=lambda file: file.stem)
def test_a_query_names_functions_that_are_there(file: Path) -> None:
    """The host calls a request by its function's name."""
    query = file.read_text()
    named = set(re.findall(r'name == "(\w+)"', query))
    named |= {
        name
        for names in re.findall(r"name in \(([^)]*)\)", query)
        for name in re.findall(r'"(\w+)"', names)
    }
    assert named <= functions()
    assert named or "traces" in query


@pytest.mark.parametrize("file", OF_THE_APP, ids=lambda file: file.stem)
def test_a_query_looks_for_lines_that_are_written(file: Path) -> None:
    """Each text that it matches a message by stands in a line that the app logs."""
    texts = re.findall(r'message (?:startswith|has) "([^"]+)"', file.read_text())
    for text in texts:
        assert text == f"{PREFIX} {{" or any(text in message for message in log_messages()), text


@pytest.mark.parametrize("file", OF_THE_APP, ids=lambda file: file.stem)
def test_a_query_reads_fields_that_lines_have(file: Path) -> None:
    """The queries read only fields that the lines about deliveries and completeness have."""
    query = file.read_text()
    fields = set(re.findall(r"\b(?:summary|\)\))\.(\w+)", query)) | set(
        re.findall(r'strlen\("Delivered "\)\)\)\.(\w+)', query)
    )
    assert fields <= summarize([PLAIN]).keys()
    assert (
        set(re.findall(r"extract\(@\"(\w+)\['\"\"\]: ", query))
        <= Report(window="2026/11/23/14").to_json().keys()
    )


@pytest.mark.anyio
async def test_the_line_about_deliveries_is_json_after_its_prefix(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The queries parse substring(message, strlen("Delivered "))."""
    caplog.set_level(logging.INFO, "fnsse.delivery")
    await DeliveryLog().accepted(sample_envelope(outcome=Outcome.TIMED_OUT))
    (message,) = caplog.messages
    assert message.startswith("Delivered {")
    assert json.loads(message[len("Delivered ") :])["failed"] == 1


def test_an_hours_line_is_read_as_the_queries_read_it() -> None:
    """The patterns of reconcile-incomplete.kql, on the line itself."""
    query = (QUERIES / "reconcile-incomplete.kql").read_text()
    patterns = [
        pattern.replace('""', '"') for pattern in re.findall(r'extract\(@"((?:[^"]|"")+)"', query)
    ]
    assert len(patterns) == 4
    report = Report(
        window="2026/11/23/14",
        captured=2,
        delivered=1,
        ended=True,
        waiting="the Event Hub is not ready",
    ).to_json()
    line = f"Completeness of {report['window']}: {json.dumps(report)}"
    read = [match[1] for pattern in patterns if (match := re.search(pattern, line))]
    assert read == ["2026/11/23/14", "the Event Hub is not ready", "false", "true"]


def test_the_host_lets_these_lines_through() -> None:
    """host.json keeps the host's own lines out, not the ones that alerts are made of, and samples
    none away.
    """
    logging_section = json.loads((ROOT / "host.json").read_text())["logging"]
    assert logging_section["logLevel"]["Function"] == "Warning"
    # The host repeats there what it logs as Host.Results: 15 KB for each stream of an SDK.
    assert logging_section["logLevel"]["Function.openai"] == "None"
    assert logging_section["logLevel"]["Function.openai.User"] == "Warning"
    for function in ("enrichment", "reconcile_window"):
        assert logging_section["logLevel"][f"Function.{function}.User"] == "Information"
    assert "Trace" in logging_section["applicationInsights"]["samplingSettings"]["excludedTypes"]


@pytest.mark.parametrize("file", OF_ANALYSTS, ids=lambda file: file.stem)
def test_an_analysts_query_reads_keys_that_events_have(file: Path) -> None:
    """The first level, and of `tokens` and `caller` the next."""
    schema = json.loads((ROOT / "docs" / "event.schema.json").read_text())
    query = file.read_text()
    assert set(re.findall(r"\bevent\.(\w+)", query)) <= schema["properties"].keys()
    for key, kind in (("tokens", "Tokens"), ("caller", "Caller")):
        assert (
            set(re.findall(rf"\bevent\.{key}\.(\w+)", query))
            <= schema["$defs"][kind]["properties"].keys()
        )
