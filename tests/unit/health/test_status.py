"""The operators' view of delivery, with the stores as they answer or fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.memory_json_store import MemoryJsonStore
from shared.core.decisions.acceptance import FAILURE_VALID_FOR, Acceptance
from shared.core.records.completeness.report import RUN_BLOB, Report, last_run
from shared.core.records.delivery.dead_letter import DeadLetterReason, DeadLetterRecord
from shared.errors import StorageError
from shared.health.status import Status, StatusSources, hours_of

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 27, 11, 20, tzinfo=UTC)
EXCHANGE_ID = "01a20914-84a9-7c73-9ecc-a8d4ec5a3e7d"


@dataclass
class QueueInTest:
    length: int = 0
    oldest: datetime | None = None
    fails: bool = False

    async def approximate_length(self) -> int:
        if self.fails:
            raise StorageError("storage could not be reached")
        return self.length

    async def oldest_at(self) -> datetime | None:
        return self.oldest


@dataclass
class LedgerInTest:
    async def dead_letters(self, limit: int) -> list[DeadLetterRecord]:
        record = DeadLetterRecord(
            exchange_id=EXCHANGE_ID, reason=DeadLetterReason.TOO_LARGE, dead_lettered_at_ms=1
        )
        return [record] * limit

    async def dead_letter_count(self, limit: int) -> int:
        return min(4711, limit)

    async def reports(self, hours: int) -> list[Report]:
        return [Report(window="2026/11/27/10", captured=hours)]


@dataclass
class RecordingInTest:
    waiting_count: int = 3
    lost_count: int = 1


def sources(acceptance: Acceptance | None = None) -> StatusSources:
    return StatusSources(
        queue=QueueInTest(42, NOW - timedelta(seconds=91)),
        poison_queue=QueueInTest(),
        dead_letters=LedgerInTest(),
        reports=LedgerInTest(),
        json_objects=MemoryJsonStore(
            {RUN_BLOB: last_run(NOW, "the queue still holds 40 envelopes")}
        ),
        recording=RecordingInTest(),
        acceptance=lambda: acceptance or Acceptance(),
    )


async def read(given: StatusSources) -> dict[str, Any]:
    return await Status(given, "worker-1", lambda: NOW).read()


async def test_the_whole_status_is_read() -> None:
    """Backlog, reconcile, dead letters, and the exchanges that wait in memory."""
    status = await read(sources())
    assert status["queue"] == {
        "length": 42,
        "oldest_at": "2026-11-27T11:18:29+00:00",
        "oldest_age_s": 91.0,
    }
    assert status["poison_queue"] == {"length": 0, "oldest_at": None, "oldest_age_s": None}
    assert status["reconcile"] == {
        "at": NOW.isoformat(),
        "waiting": "the queue still holds 40 envelopes",
    }
    assert status["dead_letters"]["count"] == 1000
    assert len(status["dead_letters"]["oldest"]) == 10
    assert status["worker"]["recording"] == {"waiting": 3, "lost": 1}


async def test_a_status_before_the_first_event() -> None:
    """Nothing is known of the Event Hub yet."""
    event_hub = (await read(sources()))["worker"]["event_hub"]
    assert event_hub["accepting"] is True
    assert event_hub["last_accepted_at"] is None


async def test_a_failing_store_is_named_in_its_place() -> None:
    """The rest of the status is read."""
    status = await read(replace(sources(), queue=QueueInTest(fails=True)))
    assert status["queue"] == {"error": "storage cannot be reached"}
    assert status["dead_letters"]["count"] == 1000


async def test_before_the_first_run_reconcile_has_no_time() -> None:
    status = await read(replace(sources(), json_objects=MemoryJsonStore()))
    assert status["reconcile"] == {"at": None, "waiting": None}


async def test_reports_are_those_of_the_ledger() -> None:
    reports = await Status(sources(), "worker-1", lambda: NOW).reports(5)
    assert [(report["window"], report["captured"]) for report in reports] == [("2026/11/27/10", 5)]


def test_failures_degrade_the_status() -> None:
    """They do so until an event is accepted, or the failures are old."""
    failing = (
        Acceptance().after_failure(NOW, "busy").after_failure(NOW + FAILURE_VALID_FOR / 2, "silent")
    )
    assert failing.degradation(NOW + FAILURE_VALID_FOR) == (
        "no event accepted since 2026-11-27T11:20:00Z: silent"
    )
    assert failing.degradation(NOW + FAILURE_VALID_FOR * 2) is None
    assert (
        failing.after_acceptance(NOW + FAILURE_VALID_FOR).degradation(NOW + FAILURE_VALID_FOR)
        is None
    )


@pytest.mark.parametrize("text", ["1", "48", "744", "007"])
def test_hours_are_a_number_up_to_a_month(text: str) -> None:
    assert hours_of(text) == int(text)


@pytest.mark.parametrize("text", ["", "0", "745", "-1", "1e3", "x", "\u0663", "000001999999"])
def test_other_hours_are_rejected(text: str) -> None:
    """Each hour is a call of storage: zeros in front must not let two million hours through."""
    assert hours_of(text) is None
