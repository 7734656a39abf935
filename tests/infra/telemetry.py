"""The tables of Application Insights with rows as the app and the Functions host write them (their
form: recorded from `func start`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.sample_envelope import sample_envelope
from shared.core.records.completeness.report import Report
from shared.core.records.exchange.outcome import Outcome
from shared.enrichment.delivery_log import PREFIX, summarize
from tests.infra.kql import KqlRow

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
COLUMNS: Final = {
    "traces": {
        "timestamp": "TIMESTAMP",
        "message": "VARCHAR",
        "severityLevel": "BIGINT",
        "customDimensions": "JSON",
    },
    "requests": {
        "timestamp": "TIMESTAMP",
        "name": "VARCHAR",
        "resultCode": "VARCHAR",
        "success": "VARCHAR",
        "itemCount": "BIGINT",
    },
    "exceptions": {
        "timestamp": "TIMESTAMP",
        "operation_Name": "VARCHAR",
        "innermostMessage": "VARCHAR",
        "customDimensions": "JSON",
    },
}
_SEVERITIES: Final = {logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3}

type Tables = dict[str, tuple[dict[str, str], list[KqlRow]]]


def trace(
    message: str,
    function: str,
    *,
    level: int = logging.INFO,
    after: timedelta = timedelta(),
) -> KqlRow:
    """A line that the app logs within an invocation."""
    return {
        "timestamp": f"{NOON + after:%FT%T}",
        "message": message,
        "severityLevel": _SEVERITIES[level],
        "customDimensions": json.dumps({"Category": f"Function.{function}.User"}),
    }


def delivered_row(*outcomes: Outcome, after: timedelta = timedelta()) -> KqlRow:
    """The line about one group of events."""
    summary = summarize([sample_envelope(outcome=outcome) for outcome in outcomes])
    return trace(f"{PREFIX} {json.dumps(summary)}", "enrichment", after=after)


def report_row(report: Report, after: timedelta = timedelta()) -> KqlRow:
    """The line about one hour."""
    line = f"Completeness of {report.window}: {json.dumps(report.to_json())}"
    return trace(line, "reconcile_window", after=after)


def did_nothing(reason: str, after: timedelta = timedelta()) -> KqlRow:
    """The line about a run of reconcile that could not begin."""
    message = f"Reconcile did nothing: {reason}"
    return trace(message, "reconcile_precheck", level=logging.WARNING, after=after)


def request(name: str, result_code: str, *, success: bool, count: int = 1) -> KqlRow:
    """A request that stands for `count` of its kind."""
    return {
        "timestamp": f"{NOON:%FT%T}",
        "name": name,
        "resultCode": result_code,
        "success": str(success),
        "itemCount": count,
    }


def exceptions_of(function: str, message: str) -> list[KqlRow]:
    """A failed invocation: the host reports its exception in two categories."""
    return [
        {
            "timestamp": f"{NOON:%FT%T}",
            "operation_Name": function,
            "innermostMessage": f"Result: Failure\nException: {message}\nStack: Traceback",
            "customDimensions": json.dumps({"Category": category}),
        }
        for category in (f"Function.{function}", "Host.Results")
    ]


def tables(
    *,
    traces: Sequence[KqlRow] = (),
    requests: Sequence[KqlRow] = (),
    exceptions: Sequence[KqlRow] = (),
) -> Tables:
    """The three tables with these rows."""
    rows = {"traces": traces, "requests": requests, "exceptions": exceptions}
    return {name: (COLUMNS[name], list(rows[name])) for name in COLUMNS}
