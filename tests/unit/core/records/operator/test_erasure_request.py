"""A request to erase: taken exactly, or rejected with a reason; it keeps no person's id."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.id_hash import hash_id
from shared.core.records.operator import erasure_request
from shared.core.records.operator.erasure_request import MAX_DAYS, ErasureRequest
from shared.errors import OperatorRequestError
from tests.unit.core.strategies import json_values

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RANGE = {"from": "2026-11-23T10:00:00Z", "to": "2026-11-23T11:30:00Z"}
MINE = {"user": "anna@example.com", **RANGE}


def id_at(moment: datetime, number: int = 0) -> str:
    return new_exchange_id(int(moment.timestamp() * 1000), number.to_bytes(10))


ID = id_at(datetime(2026, 11, 23, 10, 15, tzinfo=UTC))


def parse(**fields: Any) -> ErasureRequest:
    return erasure_request.parse({**MINE, **fields}, NOW)


def test_a_request_only_counts_unless_it_says_otherwise() -> None:
    assert parse().dry_run
    assert not parse(dry_run=False).dry_run


def test_user_and_subscription_select_together() -> None:
    one = parse(subscription="team-a")
    assert one.wants_caller({"user": "anna@example.com", "subscription": "team-a"})
    assert not one.wants_caller({"user": "anna@example.com", "subscription": "team-b"})
    assert not one.wants_caller({"user": "anna@example.com"})
    assert not one.wants_caller({"user": None, "subscription": "team-a"})
    assert parse().wants_caller({"user": "anna@example.com", "subscription": "team-b"})
    assert not parse().wants_caller({"user": "Anna@example.com"}), "ids are compared exactly"


def test_a_range_includes_its_beginning_and_not_its_end() -> None:
    request = parse()
    assert request.windows() == ["2026/11/23/10", "2026/11/23/11"]
    assert request.wants_id(id_at(request.first))
    assert not request.wants_id(id_at(request.end))


def test_ids_alone_name_their_own_range() -> None:
    request = erasure_request.parse({"ids": [ID]}, NOW)
    assert (request.windows(), request.selects_callers) == (["2026/11/23/10"], False)
    assert request.wants_id(ID)
    assert not request.wants_id(id_at(request.first, 1)), "of the same moment, but another"


def test_nothing_that_is_stored_names_the_person() -> None:
    stored = json.dumps(parse(subscription="team-a").to_json())
    assert "anna" not in stored
    assert "team-a" not in stored
    assert hash_id("anna@example.com") in stored


@pytest.mark.parametrize(
    "fields",
    [
        MINE,
        {"subscription": "a", **RANGE, "dry_run": False, "reference": "DSR-17"},
        {"ids": [ID], "user": "a"},
    ],
    ids=["user", "subscription", "ids"],
)
def test_what_the_orchestration_keeps_is_the_same_request(fields: dict[str, Any]) -> None:
    request = erasure_request.parse(fields, NOW)
    assert erasure_request.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([], "must be a JSON object"),
        (RANGE, "Give 'user', 'subscription' or 'ids'"),
        ({"user": "a"}, "'from' must be a moment"),
        ({"user": "a", "from": RANGE["from"]}, "'to' must be a moment"),
        ({"user": "a", "from": RANGE["to"], "to": RANGE["from"]}, "later than"),
        ({**MINE, "to": "2026-11-23T12:00:01Z"}, "future"),
        ({**MINE, "from": "2026-10-23T11:00Z"}, f"longer than {MAX_DAYS} days"),
        ({**MINE, "users": "b"}, "Unknown: users. It takes dry_run, from"),
        ({**MINE, "user": 5}, "'user' must be a text"),
        ({**MINE, "user": ""}, "whole id"),
        ({**MINE, "user": "x" * 300}, "whole id"),
        ({**MINE, "dry_run": "false"}, "must be true or false"),
        ({**MINE, "reference": "x" * 201}, "at most 200"),
        ({"ids": []}, "1 to 1000"),
        ({"ids": ["x"]}, "exchange ids"),
    ],
)
def test_the_error_names_the_mistake(fields: object, reason: str) -> None:
    with pytest.raises(OperatorRequestError, match=reason) as refused:
        erasure_request.parse(fields, NOW)
    assert "anna" not in str(refused.value)


@given(
    json_values
    | st.dictionaries(
        st.sampled_from(["from", "to", "user", "subscription", "ids", "dry_run", "reference"]),
        json_values | st.datetimes().map(str),
    )
)
def test_any_json_is_accepted_or_rejected(fields: object) -> None:
    try:
        request = erasure_request.parse(fields, NOW)
    except OperatorRequestError:
        return
    assert request.first < request.end <= NOW
    assert request.ids is not None or request.end - request.first <= timedelta(days=MAX_DAYS)
