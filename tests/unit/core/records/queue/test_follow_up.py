"""Follow-ups: what they take over from a create call, and how they are read from a message."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sample_envelope import sample_envelope
from shared.core.records.exchange.envelope import MAX_TEXT, Caller
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import FollowUp
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.http.upstream_target import query_value
from shared.core.wire.request import routing
from shared.errors import WrongType


def of_create(response_id: str = "resp_1", **changes: Any) -> FollowUp | None:
    usual = {"operation": "responses", "path": "/openai/v1/responses", "api_version": None}
    return follow_ups.of_create(sample_envelope(**usual | changes), response_id)


def sample_follow_up(**changes: Any) -> FollowUp:
    found = of_create(**changes)
    assert found is not None
    return found


def test_it_takes_over_who_called_and_what_may_be_recorded() -> None:
    """The event is for the team whose call made the response, in the same mode."""
    caller = Caller(subscription="s", team="t")
    found = sample_follow_up(
        caller=caller, content_mode=ContentMode.METADATA, content_rule="r", trace_parent="00-1-2-01"
    )
    assert (found.caller, found.content_mode, found.content_rule, found.trace_parent) == (
        caller,
        ContentMode.METADATA,
        "r",
        "00-1-2-01",
    )
    assert found.create_exchange_id == sample_envelope().exchange_id


def test_it_counts_from_the_end_of_the_create_call() -> None:
    found = sample_follow_up()
    assert found.created_at == "2024-11-13T06:59:30.584946+00:00"
    assert found.age_s(datetime(2024, 11, 13, 6, 59, 40, 584946, tzinfo=UTC)) == 10


@pytest.mark.parametrize(
    ("path", "api_version", "target"),
    [
        ("/openai/v1/responses", None, b"/openai/v1/responses/resp_1"),
        ("/openai/v1/responses/", "preview", b"/openai/v1/responses/resp_1?api-version=preview"),
        (
            "/openai/responses",
            "2025-04-01-preview",
            b"/openai/responses/resp_1?api-version=2025-04-01-preview",
        ),
    ],
)
def test_it_polls_where_the_response_was_created(
    path: str, api_version: str | None, target: bytes
) -> None:
    assert sample_follow_up(path=path, api_version=api_version).target == target


@given(
    response_id=st.text("resp_1-./%?#\\é\ud800", min_size=1, max_size=8),
    api_version=st.text(min_size=1, max_size=40),
)
def test_no_id_leads_to_another_route(response_id: str, api_version: str) -> None:
    """The id is the upstream's: it must not climb out of the path, nor add to the query."""
    found = of_create(response_id, api_version=api_version)
    if found is None:
        assert not response_id.replace("_", "").replace("-", "").isalnum() or "é" in response_id
        return
    path, _, query = found.target.partition(b"?")
    routed = routing.route("GET", path.decode())
    assert isinstance(routed, routing.Operation)
    assert routed.name == "responses.get"
    assert query_value(query, b"api-version") == api_version


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "responses.get"},
        {"operation": "chat.completions"},
        {"path": None},
        {"path": "/openai/v1/" + "x" * MAX_TEXT},  # cut
        {"response_id": "r" * 257},
    ],
)
def test_what_cannot_be_followed_is_not(changes: dict[str, Any]) -> None:
    """Another operation, or a path that the envelope does not have whole."""
    assert of_create(**changes) is None


def test_a_message_reads_as_it_was_written() -> None:
    found = replace(sample_follow_up(), poll_count=3, not_found_count=1)
    assert follow_ups.load(follow_ups.dump(found)) == found


def test_a_message_of_another_version_keeps_its_polls() -> None:
    """Version 0.1.0 wrote and reads `question_count`."""
    found = replace(sample_follow_up(), poll_count=3)
    message = json.loads(follow_ups.dump(found))
    assert message["question_count"] == message.pop("poll_count")
    assert follow_ups.load(json.dumps(message)) == found


@pytest.mark.parametrize(
    "changes",
    [
        {"response_id": None},
        {"response_id": ".."},
        {"created_at": "yesterday"},
        {"created_at": "2024-11-13T06:59:30"},
        {"create_exchange_id": "x"},
        {"content_mode": "some"},
        {"poll_count": "3"},
    ],
)
def test_another_message_is_rejected_without_quoting_it(changes: dict[str, Any]) -> None:
    message = json.dumps(json.loads(follow_ups.dump(sample_follow_up())) | changes)
    with pytest.raises(WrongType) as error:
        follow_ups.load(message)
    assert "yesterday" not in str(error.value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(WrongType):
        follow_ups.load(data)
