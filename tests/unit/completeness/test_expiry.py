"""Expiry of an hour with many exchanges: page by page, in runs that continue each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from harness.memory_json_store import MemoryJsonStore
from shared.completeness.expiry import Expiry, ExpiryRun
from shared.completeness.redelivery import MAX_CONCURRENT
from shared.core.records.completeness import retention
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.delivery.ledger_entries import LedgerIndex
from shared.core.records.exchange.capture import (
    CaptureKind,
    capture_name,
    outcome_name,
    request_name,
    response_name,
)
from shared.core.records.exchange.window import Window
from shared.errors import StorageError
from tests.unit.completeness.captured_hour import BODIES, CapturedHour, sample_ids

pytestmark = pytest.mark.anyio

WINDOW = Window.from_name("2026/11/23/14")
DAYS = 2
MARK = retention.retention_mark_name(WINDOW, DAYS)


class HourLedger:
    """A ledger with deliveries of the hour."""

    def __init__(self) -> None:
        self.delivered: list[str] = []
        self.erased: set[str] = set()

    async def index(self, window: str) -> LedgerIndex:
        index = LedgerIndex(erased=self.erased)
        for exchange_id in self.delivered:
            index.delivered.add(exchange_id)
        return index


class DeadLetterList:
    """Takes dead letters, unless storage fails."""

    def __init__(self) -> None:
        self.exchange_ids: list[str] = []
        self.fails = False

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        if self.fails:
            raise StorageError("storage did not answer")
        if exchange_id in self.exchange_ids:
            return False
        self.exchange_ids.append(exchange_id)
        return True


class Hour:
    """An hour of exchanges, all of which are due, and the stores around it."""

    def __init__(
        self, exchange_count: int, page_size: int, kinds: Sequence[CaptureKind] = BODIES
    ) -> None:
        self.ids = sample_ids(WINDOW.name, exchange_count)
        self.captures = CapturedHour(page_size)
        for exchange_id in self.ids:
            self.captures.add(exchange_id, DAYS, kinds)
        self.ledger = HourLedger()
        self.dead_letters = DeadLetterList()
        self.store = MemoryJsonStore({MARK: {}})

    async def run(
        self,
        clock: Callable[[], float] = lambda: 0.0,
        max_concurrent: int = MAX_CONCURRENT,
    ) -> ExpiryRun:
        """One run. By `clock` it may take 100 s."""
        return await Expiry(
            captures=self.captures,
            ledger=self.ledger,
            dead_letters=self.dead_letters,
            records=self.store,
            now=lambda: WINDOW.end + timedelta(days=DAYS),
            clock=clock,
            max_run_s=100,
            max_concurrent=max_concurrent,
        ).erase_due()


def stepping_clock(step_s: float) -> Callable[[], float]:
    """A clock that is `step_s` later with each look at it."""
    times = itertools.count(0, step_s)
    return lambda: next(times)


@pytest.mark.parametrize("page_size", [3, 250, 5000])
async def test_all_pages_of_an_hour_are_erased(page_size: int) -> None:
    """An exchange whose captures are on two pages counts once, and is dead-lettered once."""
    hour = Hour(exchange_count=400, page_size=page_size)
    assert await hour.run() == ExpiryRun(erased=400, undelivered=400)
    assert len(hour.captures.expired_names) == 800
    assert hour.dead_letters.exchange_ids == hour.ids
    assert hour.store.objects == {}


async def test_a_run_that_was_cut_is_continued() -> None:
    """Several runs erase an hour together, and no header is read twice."""
    hour = Hour(exchange_count=450, page_size=250)
    runs = [await hour.run(stepping_clock(step_s=45)) for _ in range(4)]
    assert hour.store.objects == {}
    assert sum(run.erased for run in runs) == 450
    assert runs[1].erased > 0
    assert set(hour.captures.reads.values()) == {1}
    assert len(hour.captures.reads) == 900


async def test_an_hour_with_a_failure_is_tried_again_as_a_whole() -> None:
    """The mark stays, and the checkpoint does not hide the exchange that failed."""
    hour = Hour(exchange_count=3, page_size=250)
    hour.captures.immutable.add(request_name(hour.ids[0]))
    assert await hour.run() == ExpiryRun(erased=2, undelivered=2, failed=1)
    assert list(hour.store.objects) == [MARK]
    hour.captures.immutable.clear()
    assert await hour.run() == ExpiryRun(erased=1, undelivered=1)
    assert hour.store.objects == {}


async def test_a_failure_before_the_cut_keeps_the_mark() -> None:
    """The run that continues has no failure of its own, and nevertheless leaves the mark."""
    hour = Hour(exchange_count=150, page_size=250)
    hour.captures.immutable.add(request_name(hour.ids[0]))
    cut = await hour.run(stepping_clock(step_s=60))
    rest = 149 - cut.erased
    assert cut.failed == 1
    assert 0 < rest < 149
    hour.captures.immutable.clear()
    assert await hour.run() == ExpiryRun(erased=rest, undelivered=rest)
    assert list(hour.store.objects) == [MARK]
    assert await hour.run() == ExpiryRun(erased=1, undelivered=1)
    assert hour.store.objects == {}


async def test_a_failed_dead_letter_is_made_by_the_next_run() -> None:
    """The captures are erased by then, and nothing else would say that the event is lost."""
    hour = Hour(exchange_count=2, page_size=250)
    hour.dead_letters.fails = True
    assert await hour.run() == ExpiryRun(failed=2)
    assert len(hour.captures.expired_names) == 4
    hour.dead_letters.fails = False
    assert await hour.run() == ExpiryRun(erased=2, undelivered=2)
    assert hour.dead_letters.exchange_ids == hour.ids


async def test_an_outcome_that_is_all_that_is_stored_is_erased_last() -> None:
    """The request's capture could not be stored. If the dead letter fails as well, the outcome is
    still there for the next run.
    """
    hour = Hour(exchange_count=1, page_size=250, kinds=(CaptureKind.OUTCOME,))
    hour.dead_letters.fails = True
    assert await hour.run() == ExpiryRun(failed=1)
    hour.dead_letters.fails = False
    assert await hour.run() == ExpiryRun(erased=1, undelivered=1)
    assert not await hour.captures.exists(outcome_name(hour.ids[0]))


async def test_a_delivered_exchange_stays_delivered_after_its_ledger() -> None:
    """The lifecycle rule deletes the ledger's entries of an hour before the headers that replaced
    its captures, and a run may come to the hour again after that.
    """
    hour = Hour(exchange_count=2, page_size=250)
    hour.ledger.delivered = hour.ids
    hour.captures.immutable.add(request_name(hour.ids[1]))
    assert await hour.run() == ExpiryRun(erased=1, failed=1)
    hour.ledger.delivered = hour.ids[1:]
    hour.captures.immutable.clear()
    assert await hour.run() == ExpiryRun(erased=1)
    assert hour.dead_letters.exchange_ids == []


@pytest.mark.parametrize("kind", [CaptureKind.RESPONSE, CaptureKind.OUTCOME])
async def test_a_capture_that_outlived_the_ledger_is_no_dead_letter(kind: CaptureKind) -> None:
    """The first run replaced the request's capture and failed with another one. The request's
    header says that the event was accepted, and the ledger does not say it any more.
    """
    hour = Hour(exchange_count=1, page_size=250, kinds=(CaptureKind.REQUEST, kind))
    hour.ledger.delivered = hour.ids
    hour.captures.immutable.add(capture_name(hour.ids[0], kind))
    assert await hour.run() == ExpiryRun(failed=1)
    hour.ledger.delivered = []
    hour.captures.immutable.clear()
    assert await hour.run() == ExpiryRun(erased=1)
    assert hour.dead_letters.exchange_ids == []


async def test_a_failure_after_the_request_does_not_hide_a_dead_letter() -> None:
    """The request's header says that the event was not accepted."""
    hour = Hour(exchange_count=1, page_size=250)
    hour.captures.immutable.add(response_name(hour.ids[0]))
    assert await hour.run() == ExpiryRun(failed=1)
    hour.captures.immutable.clear()
    assert await hour.run() == ExpiryRun(erased=1, undelivered=1)
    assert hour.dead_letters.exchange_ids == hour.ids


@pytest.mark.parametrize("max_concurrent", [3, MAX_CONCURRENT])
async def test_a_limited_number_of_headers_is_read_at_once(max_concurrent: int) -> None:
    hour = Hour(exchange_count=50, page_size=250)
    await hour.run(max_concurrent=max_concurrent)
    assert hour.captures.most_reading == max_concurrent


async def test_an_exchange_that_an_operator_erased_is_no_dead_letter() -> None:
    """An erasure that was cut off may have left its captures."""
    hour = Hour(exchange_count=2, page_size=250)
    hour.ledger.erased = {hour.ids[0]}
    assert await hour.run() == ExpiryRun(erased=2, undelivered=1)
    assert hour.dead_letters.exchange_ids == hour.ids[1:]


async def test_a_run_lists_no_more_names_than_it_erases() -> None:
    """It holds a page of names and the exchange before, not the names of an hour."""
    hour = Hour(exchange_count=2000, page_size=200)
    await hour.run()
    assert hour.captures.most_listed_ahead <= 200 + 2
