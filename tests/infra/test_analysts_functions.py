"""The functions for analysts, run over the golden events: what they sum, count and leave out."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from shared.core.records.exchange.exchange_id import new_exchange_id
from tests.infra.analysts import (
    AT_NOON,
    COLUMNS,
    EVENTS,
    FOLDER,
    FUNCTIONS,
    NOON,
    RESERVATION,
    ROWS,
    call,
    delivered_row,
)
from view.exchange.received_event import ReceivedEvent
from view.store import Store

REQUEST_ALTERED: Final = "the request's capture was altered"
ALTERED: Final = delivered_row(AT_NOON, replayed=True, problems=[REQUEST_ALTERED])
# How the events of one exchange may differ.
VARIANTS: Final[list[dict[str, Any]]] = [
    {"model": "the first"},
    {"model": "replayed", "replayed": True},
    {"model": "aborted", "outcome": "aborted"},
    {"model": "altered", "replayed": True, "problems": ["no JSON", REQUEST_ALTERED]},
    {"model": "both", "outcome": "aborted", "problems": [f"{REQUEST_ALTERED}: it is not there"]},
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_runs_over_all_golden_events(name: str) -> None:
    """It bears the name of its file, takes a range of time, and returns rows."""
    assert FUNCTIONS[name].name == name
    assert FUNCTIONS[name].parameters == ("since", "until")
    assert call(name, [*ROWS, ALTERED], reservations=[RESERVATION])


def test_an_exchange_that_was_delivered_twice_is_there_once() -> None:
    rows = [delivered_row(AT_NOON), delivered_row(AT_NOON, timedelta(seconds=3))]
    assert len(call("exchanges", rows)) == 1


def test_a_replay_never_takes_the_place_of_the_first_event() -> None:
    """A capture that was altered in storage would change the record."""
    rows = [
        delivered_row(AT_NOON, timedelta(days=1), replayed=True, model="another"),
        delivered_row(AT_NOON),
    ]
    (exchange,) = call("exchanges", rows)
    assert exchange["model"] == AT_NOON["model"]


def test_aborted_counts_only_if_nothing_else_was_delivered() -> None:
    """Reconcile reports it when it finds a request alone; the true outcome may come later."""
    aborted = delivered_row(AT_NOON, outcome="aborted")
    assert [row["outcome"] for row in call("exchanges", [aborted])] == ["aborted"]
    rows = [aborted, delivered_row(AT_NOON, timedelta(hours=1))]
    assert [row["outcome"] for row in call("exchanges", rows)] == ["completed"]


def test_the_page_and_the_query_agree_which_event_counts(tmp_path: Path) -> None:
    """They agree for any events of an exchange, in any order."""
    store, rows = Store(tmp_path / "view.sqlite", max_exchanges=1000), []
    for number, order in enumerate(permutations(VARIANTS, 3)):
        exchange_id = new_exchange_id(0, number.to_bytes(10))
        for place, variant in enumerate(order):
            event = AT_NOON | {"exchange_id": exchange_id} | variant
            store.add([ReceivedEvent(event=event, enqueued_ms=None)])
            rows.append(delivered_row(event, timedelta(hours=place)))
    shown = {row.id: row.model for row in store.page((), limit=1000).rows}
    store.close()
    assert shown == {row["exchange_id"]: row["model"] for row in call("exchanges", rows)}
    assert len(shown) == 60


def test_an_altered_capture_shows_in_the_events() -> None:
    """The hashes of the bodies, which the events hold, show it without the storage account, though
    the ledger was altered as well.
    """
    changed = "0" * 64
    rows = [
        delivered_row(AT_NOON),
        delivered_row(AT_NOON, timedelta(hours=1), request_sha256=changed),
        delivered_row(AT_NOON, exchange_id="same"),
        delivered_row(AT_NOON, timedelta(hours=1), exchange_id="same", replayed=True),
        delivered_row(AT_NOON, exchange_id="slow", outcome="aborted", request_sha256=changed),
        delivered_row(AT_NOON, timedelta(hours=1), exchange_id="slow"),
        delivered_row(AT_NOON, exchange_id="deleted"),
        delivered_row(
            AT_NOON, exchange_id="deleted", outcome="aborted", problems=[REQUEST_ALTERED]
        ),
    ]
    found = {row["exchange_id"]: row for row in call("altered", rows)}
    assert found.keys() == {AT_NOON["exchange_id"], "deleted"}
    hashes = found[AT_NOON["exchange_id"]]
    assert (hashes["noticed"], hashes["requests"], hashes["responses"]) == (0, 2, 1)
    assert found["deleted"]["noticed"] == 1


def test_a_range_holds_its_beginning_and_not_its_end() -> None:
    rows = [delivered_row(AT_NOON)]
    assert call("exchanges", rows, NOON, NOON + timedelta(hours=1))
    assert not call("exchanges", rows, NOON - timedelta(hours=1), NOON)


def test_usage_adds_up_what_the_upstream_reported_once() -> None:
    """The sums of all golden events, computed here by hand."""
    rows = call("usage", ROWS)
    counted = [
        event["tokens"] for event in EVENTS if event["tokens"] and not event["usage_repeated"]
    ]
    assert sum(row["exchanges"] for row in rows) == len(EVENTS)
    for name in ("input", "cached", "output", "reasoning"):
        assert sum(row[name] or 0 for row in rows) == sum(tokens[name] or 0 for tokens in counted)
    estimated = sum(event["usage_source"] == "estimated" for event in EVENTS)
    assert sum(row["estimated"] for row in rows) == estimated > 0


def test_a_read_of_a_stored_response_adds_nothing() -> None:
    rows = [delivered_row(AT_NOON), delivered_row(AT_NOON, exchange_id="read", usage_repeated=True)]
    (row,) = call("usage", rows)
    assert (row["exchanges"], row["input"]) == (2, AT_NOON["tokens"]["input"])


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        ({"team": "search", "product": "p", "subscription": "s"}, "search"),
        ({"product": "p", "subscription": "s"}, "p"),
        ({"subscription": "s"}, "s"),
        ({}, "unknown"),
    ],
)
def test_the_caller_is_the_team_if_there_is_one(caller: dict[str, str], name: str) -> None:
    (row,) = call("usage", [delivered_row(AT_NOON, caller=caller)])
    assert row["caller"] == name


def test_time_to_first_token_is_grouped_by_region() -> None:
    """The backend of a pool names the region better than the response's header."""
    stream = AT_NOON | {
        "stream": True,
        "time_to_first_chunk_ms": 100,
        "time_to_first_token_ms": 150,
        "latency_ms": 900,
    }
    rows = [
        delivered_row(stream, exchange_id="a", region="North Central US"),
        delivered_row(stream, exchange_id="b", served={"backend": {"region": "swedencentral"}}),
        delivered_row(stream, exchange_id="c", outcome="upstream_interrupted"),
    ]
    found = {row["region"]: row for row in call("time_to_first_token", rows)}
    assert found.keys() == {"North Central US", "swedencentral"}
    assert found["swedencentral"]["token_p50_ms"] == 150
    assert found["swedencentral"]["end_p95_ms"] == 900


def test_errors_counts_throttling_apart() -> None:
    refused = AT_NOON | {"outcome": "upstream_error", "error": {"code": "429"}, "status_code": 429}
    rows = [
        delivered_row(refused, exchange_id="a"),
        delivered_row(refused, exchange_id="b"),
        delivered_row(AT_NOON),
    ]
    (row,) = call("errors", rows)
    assert (row["exchanges"], row["throttled"], row["code"]) == (2, 2, "429")


def test_completeness_counts_duplicates_aborted_and_lag() -> None:
    rows = [
        delivered_row(AT_NOON),
        delivered_row(AT_NOON, timedelta(seconds=4)),
        delivered_row(AT_NOON, timedelta(minutes=20), exchange_id="b", outcome="aborted"),
        delivered_row(AT_NOON, exchange_id="c", problems=["the request's capture is missing"]),
    ]
    (row,) = call("completeness", rows)
    figures = {name: row[name] for name in ("exchanges", "duplicates", "aborted", "incomplete")}
    assert figures == {"exchanges": 3, "duplicates": 1, "aborted": 1, "incomplete": 1}
    assert row["lag_p95_s"] == timedelta(minutes=20).total_seconds()


def test_the_table_has_the_columns_that_the_functions_read() -> None:
    """The mapping fills every column of the table, from an event or the hub's own properties."""
    schema = (FOLDER / "schema.kql").read_text()
    table = re.search(r"^\.create-merge table exchanges_raw \((.+)\)$", schema, re.MULTILINE)
    mapping = re.search(r"json mapping 'event' '(\[.+\])'$", schema, re.MULTILINE)
    assert table
    assert mapping
    columns = [column.split(":")[0] for column in table[1].split(", ")]
    assert columns == list(COLUMNS)
    paths = {part["column"]: part["Properties"]["Path"] for part in json.loads(mapping[1])}
    assert paths == {
        "exchange_id": "$.exchange_id",
        "ended_at": "$.timestamp",
        "enqueued_at": "$.x-opt-enqueued-time",
        "event": "$",
    }
