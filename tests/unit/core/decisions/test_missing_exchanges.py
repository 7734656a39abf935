"""The windows that are judged; captured minus delivered: exact, page by page, and never hasty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.decisions.missing_exchanges import Comparison, judged_windows
from shared.core.records.completeness.report import Report
from shared.core.records.delivery.ledger_entries import Delivery, LedgerEntry, LedgerIndex
from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.captured_exchange import CapturedExchange, CaptureGrouping
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


def sample_id(ms: int, number: int = 0) -> str:
    return new_exchange_id(START_MS + ms, number.to_bytes(10))


def name(exchange_id: str, side: str) -> str:
    return f"{WINDOW}/{exchange_id}.{side}"


def known_of(*entries: tuple[str, Delivery]) -> LedgerIndex:
    known = LedgerIndex()
    for exchange_id, delivery in entries:
        known.note(LedgerEntry(exchange_id=exchange_id, delivery=delivery, at_ms=1))
    return known


def compare(
    names: list[str], known: LedgerIndex, page: int = 1000
) -> tuple[list[CapturedExchange], Report]:
    comparison, grouping = Comparison(WINDOW, known, UNTIL), CaptureGrouping()
    missing = [
        exchange
        for first in range(0, len(names), page)
        for exchange in comparison.missing(grouping.feed(names[first : first + page]))
    ]
    missing += comparison.missing(grouping.flush())
    comparison.finish()
    return missing, comparison.report


type WindowRow = tuple[
    int, set[str], list[Delivery]
]  # ms into the window, captures, ledger entries


def expected_report(rows: list[WindowRow]) -> Report:
    """The report by the definition of its counts, exchange by exchange."""
    report = Report(window=WINDOW)
    for started_ms, sides, entries in rows:
        deliveries = entries.count(Delivery.DELIVERED)
        report.duplicates += max(0, deliveries - 1)
        if not sides:
            report.without_capture += deliveries > 0
        elif deliveries:
            report.delivered += 1
        elif entries:
            report.dead_lettered += 1
        elif started_ms >= UNTIL_MS:
            report.running += 1
    report.captured = report.delivered + report.dead_lettered + len(expected_missing(rows))
    return report


def expected_missing(rows: list[WindowRow]) -> list[CapturedExchange]:
    """The exchanges that are old enough to be judged and of which the ledger knows nothing."""
    return [
        CapturedExchange(
            exchange_id=sample_id(started_ms, number), kinds=frozenset(map(CaptureKind, sides))
        )
        for number, (started_ms, sides, entries) in enumerate(rows)
        if sides and not entries and started_ms < UNTIL_MS
    ]


@given(st.lists(exchange, max_size=30), st.integers(1, 7))
def test_every_exchange_is_counted_once(rows: list[WindowRow], page: int) -> None:
    """The pages into which the listing is cut do not matter."""
    ids = [sample_id(started_ms, number) for number, (started_ms, _, _) in enumerate(rows)]
    names = sorted(
        name(exchange_id, side)
        for exchange_id, (_, sides, _) in zip(ids, rows, strict=True)
        for side in sides
    )
    known = known_of(
        *(
            (exchange_id, entry)
            for exchange_id, (_, _, entries) in zip(ids, rows, strict=True)
            for entry in entries
        )
    )
    missing, report = compare(names, known, page)
    by_id = sorted(expected_missing(rows), key=lambda exchange: exchange.exchange_id)
    assert (missing, report) == (by_id, expected_report(rows))


def test_blobs_that_are_not_captures_are_not_exchanges() -> None:
    foreign = [
        f"{WINDOW}/notes.txt",
        f"{WINDOW}/{sample_id(1)}.backup",
        f"{WINDOW}/nonsense.request",
    ]
    assert compare(foreign, LedgerIndex())[1].captured == 0


def test_a_complete_window() -> None:
    """Its hour is over, and every exchange is delivered or dead-lettered."""
    delivered, dead_lettered = sample_id(1), sample_id(2)
    known = known_of((delivered, Delivery.DELIVERED), (dead_lettered, Delivery.DEAD_LETTERED))
    _, report = compare([name(delivered, "request"), name(dead_lettered, "request")], known)
    assert not report.complete, "others may begin in it"
    report.ended = True
    assert report.complete
    assert report.to_json()["complete"] is True


def test_an_incomplete_window() -> None:
    """An exchange is missing, or may still be running."""
    for ms in (1, UNTIL_MS):
        _, report = compare([name(sample_id(ms), "request")], LedgerIndex())
        report.ended = True
        assert not report.complete


def test_a_delivered_dead_letter_is_delivered() -> None:
    """A delivery after the dead letter counts."""
    exchange_id = sample_id(1)
    _, report = compare(
        [name(exchange_id, "response")],
        known_of((exchange_id, Delivery.DEAD_LETTERED), (exchange_id, Delivery.DELIVERED)),
    )
    assert (report.delivered, report.dead_lettered) == (1, 0)


AT_TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "include_open", "expected"),
    [
        (0, False, ["2026/11/23/08", "2026/11/23/09"]),
        (0, True, ["2026/11/23/08", "2026/11/23/09"]),
        (59, False, ["2026/11/23/08", "2026/11/23/09"]),
        (59, True, ["2026/11/23/08", "2026/11/23/09", "2026/11/23/10"]),
        (60, False, ["2026/11/23/09", "2026/11/23/10"]),
    ],
)
def test_windows_are_judged_when_they_are_over(
    minutes: int, include_open: bool, expected: list[str]
) -> None:
    """No exchange that began in them can still be running."""
    judged = judged_windows(
        AT_TEN + timedelta(minutes=minutes), timedelta(hours=2), include_open=include_open
    )
    assert [window.name for window in judged] == expected
