"""Events of a day, and the analysts' functions in KQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from local.rates import kusto
from local.repository import ROOT
from shared import rate_files
from tests.infra import kql
from tests.infra.kql import KqlRow, StoredFunction

FOLDER: Final = ROOT / "infra" / "queries" / "analysts"
FUNCTIONS: Final = {
    file.stem: kql.stored_function(file)
    for file in sorted(FOLDER.glob("*.kql"))
    if file.stem not in {"schema", "rates", "reservations"}
}
# Functions that are tables: rows that local/rates/kusto.py writes.
TABLES: Final = [kql.stored_function(FOLDER / f"{name}.kql") for name in ("rates", "reservations")]
RATES: Final = list(kusto.rate_rows(rate_files.FOLDER))
SQL_TYPES: Final = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "real": "DOUBLE",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
COLUMNS: Final = {
    "exchange_id": "VARCHAR",
    "ended_at": "TIMESTAMP",
    "enqueued_at": "TIMESTAMP",
    "event": "JSON",
}
SINCE: Final = datetime(2025, 1, 1, tzinfo=UTC)
UNTIL: Final = datetime(2027, 1, 1, tzinfo=UTC)
NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)


def golden_events() -> list[dict[str, Any]]:
    """One event of each golden exchange, under an id of its own."""
    return [
        json.loads(file.read_text()) | {"exchange_id": file.parent.name}
        for file in sorted(ROOT.glob("tests/golden/cases/*/event.json"))
    ]


def delivered_row(
    event: dict[str, Any], after: timedelta = timedelta(seconds=2), **changes: Any
) -> KqlRow:
    """The row of an event that the hub accepted some time after its exchange ended."""
    event = event | changes
    ended_at = datetime.fromisoformat(event["timestamp"] + "+00:00")
    return {
        "exchange_id": event["exchange_id"],
        "ended_at": event["timestamp"],
        "enqueued_at": f"{ended_at + after:%FT%T.%f}",
        "event": json.dumps(event),
    }


def call(
    name: str,
    rows: list[KqlRow],
    since: datetime = SINCE,
    until: datetime = UNTIL,
    reservations: list[KqlRow] | None = None,
) -> list[KqlRow]:
    function: StoredFunction = FUNCTIONS[name]
    used = [*TABLES, FUNCTIONS["exchanges"], FUNCTIONS["priced"]]
    text = kql.call_text(function, used, {"since": since, "until": until})
    tables = {"exchanges_raw": (COLUMNS, rows)}
    if "rates" in text:
        tables["rates"] = (sql_types(kusto.COLUMNS), rates_of(rows))
    if "reservations" in text:
        tables["reservations"] = (sql_types(kusto.RESERVATION_COLUMNS), reservations or [])
    return kql.run(text, tables)


def rates_of(rows: list[KqlRow]) -> list[KqlRow]:
    """The rates of the models that the rows name: inserting all of them takes seconds."""
    events = (json.loads(row["event"]) for row in rows)
    models = {event["quantities"]["model"] for event in events} | {"*"}
    return [rate for rate in RATES if rate["model"] in models]


def sql_types(columns: dict[str, str]) -> dict[str, str]:
    return {name: SQL_TYPES[kind] for name, kind in columns.items()}


EVENTS: Final = golden_events()
ROWS: Final = [delivered_row(event) for event in EVENTS]
ONE: Final = next(event for event in EVENTS if event["tokens"] and event["outcome"] == "completed")
RESERVATION: Final = {
    "deployment": "ptu",
    "units": 10,
    "unit_hour": 2.0,
    "currency": "USD",
    "valid_from": "2026-11-23T00:00:00",
    "valid_to": "2026-11-24T00:00:00",
}
AT_NOON: Final = ONE | {"timestamp": f"{NOON:%FT%T}"}
