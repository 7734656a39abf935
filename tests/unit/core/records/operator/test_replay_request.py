"""A request to replay: taken exactly, or rejected with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sample_envelope import sample_envelope
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.operator import replay_request
from shared.core.records.operator.operator_request import MAX_IDS
from shared.core.records.operator.replay_request import ReplayRequest
from shared.errors import OperatorRequestError
from tests.unit.core.strategies import json_values

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RETENTION = timedelta(days=30)
RANGE = {"from": "2026-11-23T10:00:00Z", "to": "2026-11-23T11:30:00Z"}


def id_at(moment: datetime, number: int = 0) -> str:
    return new_exchange_id(int(moment.timestamp() * 1000), number.to_bytes(10))


ID = id_at(datetime(2026, 11, 23, 10, 15, tzinfo=UTC))


def parse(**fields: Any) -> ReplayRequest:
    return replay_request.parse({**RANGE, **fields}, NOW, RETENTION)


def test_a_range_covers_every_window_that_it_touches() -> None:
    assert parse().windows() == ["2026/11/23/10", "2026/11/23/11"]


def test_a_moment_is_converted_to_utc() -> None:
    """A moment without an offset is UTC."""
    assert parse(**{"from": "2026-11-23T10:00"}).first == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert parse(**{"from": "2026-11-23T12:00+02:00"}).first == datetime(
        2026, 11, 23, 10, tzinfo=UTC
    )


def test_a_range_includes_its_beginning_and_not_its_end() -> None:
    replay = parse()
    assert replay.wants_id(id_at(replay.first))
    assert not replay.wants_id(id_at(replay.end))
    assert not replay.wants_id(id_at(replay.first - timedelta(milliseconds=1)))


def test_ids_alone_name_their_own_range() -> None:
    replay = replay_request.parse({"ids": [ID]}, NOW, RETENTION)
    assert replay.windows() == ["2026/11/23/10"]
    assert replay.wants_id(ID)
    assert not replay.wants_id(id_at(replay.first, 1)), "of the same moment, but another"


def test_ids_within_a_range_are_those_of_both() -> None:
    outside = id_at(datetime(2026, 11, 23, 9, tzinfo=UTC))
    replay = parse(ids=[ID, outside])
    assert [replay.wants_id(exchange_id) for exchange_id in (ID, outside)] == [True, False]


def test_deployment_and_outcome_narrow_it() -> None:
    replay = parse(deployment="gpt-4o", outcome="aborted")
    assert replay.wants(sample_envelope(deployment="gpt-4o", outcome=Outcome.ABORTED))
    assert not replay.wants(sample_envelope(deployment="other", outcome=Outcome.ABORTED))
    assert not replay.wants(sample_envelope(deployment="gpt-4o", outcome=Outcome.COMPLETED))


@given(st.sampled_from([None, *Outcome]), st.none() | st.text(), st.none() | st.just([ID]))
def test_what_the_orchestration_keeps_is_the_same_replay(
    outcome: str | None, deployment: str | None, ids: list[str] | None
) -> None:
    replay = parse(outcome=outcome, deployment=deployment, ids=ids)
    assert replay_request.from_json(json.loads(json.dumps(replay.to_json()))) == replay


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([], "must be a JSON object"),
        ({}, "'from' must be a moment"),
        ({"from": RANGE["from"]}, "'to' must be a moment"),
        ({"from": 1, "to": RANGE["to"]}, "'from' must be a moment"),
        ({"from": "yesterday", "to": RANGE["to"]}, "'from' must be a moment"),
        ({"from": "0001-01-01T00:00+23:00", "to": RANGE["to"]}, "'from' must be a moment"),
        ({"from": RANGE["to"], "to": RANGE["from"]}, "later than"),
        ({"from": RANGE["from"], "to": RANGE["from"]}, "later than"),
        ({**RANGE, "to": "2026-11-23T12:00:01Z"}, "future"),
        ({**RANGE, "from": "2026-10-24T11:59Z"}, "30 days, CAPTURE_RETENTION_DAYS"),
        ({**RANGE, "untill": 1}, "Unknown: untill"),
        ({**RANGE, "outcome": "broken"}, "completed, client_disconnected"),
        ({**RANGE, "deployment": 5}, "'deployment' must be a text"),
        ({**RANGE, "ids": []}, "1 to 1000"),
        ({**RANGE, "ids": [ID] * (MAX_IDS + 1)}, "1 to 1000"),
        ({**RANGE, "ids": ID}, "list"),
        ({**RANGE, "ids": ["x"]}, "exchange ids"),
        ({**RANGE, "ids": [{}]}, "exchange ids"),
        ({"ids": [id_at(datetime(2020, 1, 1, tzinfo=UTC))]}, "further back"),
        ({"ids": [new_exchange_id(2**48 - 1, bytes(10))]}, "exchange ids"),
    ],
)
def test_the_error_names_the_mistake_in_a_replay_request(fields: object, reason: str) -> None:
    with pytest.raises(OperatorRequestError, match=reason):
        replay_request.parse(fields, NOW, RETENTION)


@given(
    json_values
    | st.dictionaries(
        st.sampled_from(["from", "to", "deployment", "outcome", "ids"]),
        json_values | st.datetimes().map(str),
    )
)
def test_any_json_is_accepted_or_rejected(fields: object) -> None:
    try:
        replay = replay_request.parse(fields, NOW, RETENTION)
    except OperatorRequestError:
        return
    assert NOW - RETENTION <= replay.first < replay.end <= NOW
