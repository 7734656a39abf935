"""Captured minus delivered: exact, page by page, and never hasty."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.completeness.comparison import (
    CapturedExchange,
    Comparison,
    LedgerIndex,
    Report,
    captured_exchanges,
)
from shared.core.records.delivery.ledger_entry import Delivery, LedgerEntry
from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.exchange_id import new_exchange_id

WINDOW = "2026/11/23/10"
START_MS = int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp() * 1000)
UNTIL_MS = 1_800_000
UNTIL = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
SIDES = (
    {"request"},
    {"response"},
    {"request", "response"},
    {"outcome", "request"},
    {"outcome", "request", "response"},
    {"outcome"},
)

exchange = st.tuples(
    st.integers(0, 3_599_999),  # ms into the window
    st.sampled_from([*SIDES, set()]),
    st.lists(st.sampled_from(Delivery), max_size=3),
)


def an_id(ms: int, number: int = 0) -> str:
    return new_exchange_id(START_MS + ms, number.to_bytes(10))


def name(exchange_id: str, side: str) -> str:
    return f"{WINDOW}/{exchange_id}.{side}"


def known_of(*entries: tuple[str, Delivery]) -> LedgerIndex:
    known = LedgerIndex()
    for exchange_id, delivery in entries:
        known.note(LedgerEntry(exchange_id=exchange_id, delivery=delivery, at_ms=1))
    return known


def compared(
    names: list[str], known: LedgerIndex, page: int = 1000
) -> tuple[list[CapturedExchange], Report]:
    comparison = Comparison(WINDOW, known, UNTIL)
    missing = [
        exchange
        for first in range(0, len(names), page)
        for exchange in comparison.feed(names[first : first + page])
    ]
    missing += comparison.finish()
    return missing, comparison.report


@given(st.lists(exchange, max_size=30), st.integers(1, 7))
def test_every_exchange_is_counted_once_however_the_listing_is_cut(
    rows: list[tuple[int, set[str], list[Delivery]]], page: int
) -> None:
    exchanges = {
        an_id(ms, number): (ms, sides, entries) for number, (ms, sides, entries) in enumerate(rows)
    }
    names = sorted(
        name(exchange_id, side)
        for exchange_id, (_, sides, _) in exchanges.items()
        for side in sides
    )
    known = known_of(
        *[
            (exchange_id, entry)
            for exchange_id, (_, _, entries) in exchanges.items()
            for entry in entries
        ]
    )
    missing, report = compared(names, known, page)

    captured = {exchange_id: it for exchange_id, it in exchanges.items() if it[1]}
    delivered = {
        exchange_id
        for exchange_id, (_, _, entries) in captured.items()
        if Delivery.DELIVERED in entries
    }
    dead_lettered = {
        exchange_id
        for exchange_id, (_, _, entries) in captured.items()
        if Delivery.DEAD_LETTERED in entries
    } - delivered
    unknown = captured.keys() - delivered - dead_lettered
    young = {exchange_id for exchange_id in unknown if captured[exchange_id][0] >= UNTIL_MS}
    assert {(exchange.exchange_id, exchange.kinds) for exchange in missing} == {
        (exchange_id, frozenset(map(CaptureKind, captured[exchange_id][1])))
        for exchange_id in unknown - young
    }
    assert all(exchange.ended is (exchange.kinds != {"request"}) for exchange in missing)
    assert len(missing) == len(unknown - young)
    assert (report.delivered, report.dead_lettered, report.running) == (
        len(delivered),
        len(dead_lettered),
        len(young),
    )
    assert report.captured == report.delivered + report.dead_lettered + len(missing)
    all_delivered = {
        exchange_id
        for exchange_id, (_, _, entries) in exchanges.items()
        if Delivery.DELIVERED in entries
    }
    assert report.without_capture == len(all_delivered) - len(delivered)
    assert report.duplicates == sum(
        max(0, entries.count(Delivery.DELIVERED) - 1) for _, _, entries in exchanges.values()
    )


def test_blobs_that_are_not_captures_are_not_exchanges() -> None:
    foreign = [f"{WINDOW}/notes.txt", f"{WINDOW}/{an_id(1)}.backup", f"{WINDOW}/nonsense.request"]
    assert compared(foreign, LedgerIndex())[1].captured == 0


def test_a_window_is_complete_when_all_are_accounted_for_and_its_hour_is_over() -> None:
    delivered, dead_lettered = an_id(1), an_id(2)
    known = known_of((delivered, Delivery.DELIVERED), (dead_lettered, Delivery.DEAD_LETTERED))
    _, report = compared([name(delivered, "request"), name(dead_lettered, "request")], known)
    assert not report.complete, "others may begin in it"
    report.ended = True
    assert report.complete
    assert report.as_json()["complete"] is True


def test_a_window_with_something_missing_or_running_is_not_complete() -> None:
    for ms in (1, UNTIL_MS):
        _, report = compared([name(an_id(ms), "request")], LedgerIndex())
        report.ended = True
        assert not report.complete


def test_what_was_delivered_after_it_was_dead_lettered_is_delivered() -> None:
    exchange_id = an_id(1)
    _, report = compared(
        [name(exchange_id, "response")],
        known_of((exchange_id, Delivery.DEAD_LETTERED), (exchange_id, Delivery.DELIVERED)),
    )
    assert (report.delivered, report.dead_lettered) == (1, 0)


def test_a_page_of_names_gives_its_exchanges_without_the_ledger() -> None:
    names = [
        name(an_id(1), "request"),
        name(an_id(1), "response"),
        name(an_id(2), "outcome"),
        name(an_id(2), "request"),
        name(an_id(3), "request"),
    ]
    assert [
        (exchange.exchange_id, sorted(exchange.kinds)) for exchange in captured_exchanges(names)
    ] == [
        (an_id(1), ["request", "response"]),
        (an_id(2), ["outcome", "request"]),
        (an_id(3), ["request"]),
    ]
    assert [
        (exchange.exchange_id, exchange.ended) for exchange in captured_exchanges(names[1:2])
    ] == [(an_id(1), True)]
