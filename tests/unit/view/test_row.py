"""The row that a table shows of an event."""

from __future__ import annotations

import pytest

from shared.core.cost.rates import RateCard, parse
from shared.core.wire.json.json_shape import Json
from tests.unit.view.events import GOLDEN, golden, row_of_event, sample_event
from view.exchange.received_event import ReceivedEvent
from view.exchange.row import Row, of_event


def row_of(**changes: Json) -> Row:
    return row_of_event(sample_event(**changes))


@pytest.mark.parametrize("case", GOLDEN)
def test_every_event_has_a_row(case: str) -> None:
    """Its id, its end to the millisecond and its outcome are the event's."""
    event, row = golden(case), row_of_event(golden(case))
    assert (row.id, row.outcome, row.operation) == (
        event["exchange_id"],
        event["outcome"],
        event["operation"],
    )
    assert row.time == f"{str(event['timestamp'])[:23]}Z"


def test_the_figures_of_a_chat() -> None:
    row = row_of(tokens={"input": 12, "output": 5, "cached": 8}, time_to_first_token_ms=431)
    assert (row.tokens, row.tokens_in, row.tokens_out, row.tokens_cached) == (17, 12, 5, 8)
    assert (row.ttft_ms, row.status, row.deployment) == (431, 200, "gpt-4o")


def test_estimated_usage_is_shown_and_named_so() -> None:
    estimate: Json = {"prompt_tokens": 16, "completion_tokens": 3, "total_tokens": 19}
    row = row_of(tokens=None, usage_source="estimated", usage_estimate=estimate)
    assert (row.tokens_in, row.tokens_out, row.usage_source) == (16, 3, "estimated")


@pytest.mark.parametrize(
    ("caller", "user", "expected"),
    [
        ({"subscription": "s", "user": "u", "team": "t"}, "body", "u"),
        ({"subscription": "s", "team": "t"}, "body", "t"),
        ({"subscription": "s"}, None, "s"),
        ({}, "body", "body"),
        ({}, None, None),
    ],
)
def test_the_caller_is_the_nearest_that_is_known(
    caller: Json, user: Json, expected: str | None
) -> None:
    assert row_of(caller=caller, user=user).caller == expected


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (
            [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Who\n is it?"},
            ],
            "Who is it?",
        ),
        ([{"role": "user", "content": "a" * 500}], "a" * 120),
        ("Once upon a time", "Once upon a time"),
        (None, None),
    ],
    ids=["the last message, in a line", "cut", "a text", "not recorded"],
)
def test_the_first_words_of_the_prompt(prompt: Json, words: str | None) -> None:
    """A list of exchanges shows them, so that one finds one's own."""
    assert row_of(prompt=prompt).prompt == words


def test_the_cost_is_that_of_the_card_of_rates() -> None:
    """An exchange that no rate prices has none, and without a card none has."""
    card = RateCard(
        parse(
            "model,sku,currency,source,input,output\ngpt-4o-2024-11-20,GlobalStandard,EUR,test,2000000,3000000\n"
        )
    )
    usage: Json = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    event = sample_event(usage=usage, quantities=None)
    row = of_event(ReceivedEvent(event=event, enqueued_ms=None), card)
    assert row is not None
    assert (row.cost, row.currency) == (23.0, "EUR")
    assert (row_of().cost, row_of().currency) == (None, None)


def test_the_lag_is_how_long_the_event_took() -> None:
    """It lasts from the exchange's end until the Event Hub had the event; clocks may differ, so it
    is never below 0.
    """
    end_ms = row_of().exact_end_ms
    rows = [
        of_event(ReceivedEvent(event=sample_event(), enqueued_ms=end_ms + ms)) for ms in (1500, -5)
    ]
    assert [row and row.lag_ms for row in rows] == [1500, 0]
    assert row_of().lag_ms is None


@pytest.mark.parametrize(
    "changes",
    [
        {"exchange_id": "1"},
        {"exchange_id": None},
        {"timestamp": "yesterday"},
        {"timestamp": None},
    ],
    ids=["short_id", "no_id", "no_date", "no_timestamp"],
)
def test_another_producers_event_has_no_row(changes: dict[str, Json]) -> None:
    assert of_event(ReceivedEvent(event=sample_event() | changes, enqueued_ms=None)) is None


def test_values_of_other_types_read_as_absent() -> None:
    """An event of another version, or of another producer, does not stop the view."""
    row = row_of(
        tokens="many", caller=[], user=None, session_headers=None, status_code="200", model=7
    )
    assert (row.tokens, row.caller, row.session, row.status) == (None, None, None, None)
    assert row.model == "7"


def test_texts_can_be_stored_and_compared() -> None:
    """NUL ends a text for SQLite, and a lone surrogate cannot be stored."""
    assert row_of(model="a\0b\ud800").model == "ab?"
