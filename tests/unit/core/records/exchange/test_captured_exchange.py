"""The names of captures in a listing, grouped by exchange."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.captured_exchange import CapturedExchange, captured_exchanges
from shared.core.records.exchange.exchange_id import new_exchange_id


def sample_id(number: int) -> str:
    return new_exchange_id(1_795_860_000_000 + number, bytes(10))


def name(exchange_id: str, kind: str) -> str:
    return f"2026/11/28/10/{exchange_id}.{kind}"


@given(st.frozensets(st.sampled_from(CaptureKind), min_size=1))
def test_a_request_alone_does_not_say_how_it_ended(kinds: frozenset[CaptureKind]) -> None:
    captured = CapturedExchange(exchange_id=sample_id(0), kinds=kinds)
    assert captured.has_ended is (kinds != {CaptureKind.REQUEST})


def test_a_page_of_names_gives_its_exchanges() -> None:
    names = [
        name(sample_id(1), "request"),
        name(sample_id(1), "response"),
        name(sample_id(2), "outcome"),
        name(sample_id(2), "request"),
        name(sample_id(3), "request"),
    ]
    assert [
        (exchange.exchange_id, sorted(exchange.kinds)) for exchange in captured_exchanges(names)
    ] == [
        (sample_id(1), ["request", "response"]),
        (sample_id(2), ["outcome", "request"]),
        (sample_id(3), ["request"]),
    ]
    assert [
        (exchange.exchange_id, exchange.has_ended) for exchange in captured_exchanges(names[1:2])
    ] == [(sample_id(1), True)]
