"""Reconciliation against Azurite: captured exchanges that were not delivered are queued again,
once, and only while more may be queued.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Unpack

import pytest

from harness.sample_envelope import sample_envelope
from local.stack.ports import free_ports
from local.stack.storage import connection_string
from shared.adapters.queues.envelope_queue import EnvelopeQueue
from shared.adapters.storage.account import StorageAccount
from shared.completeness.back_pressure import BackPressure
from shared.completeness.reconciliation import Reconciliation
from shared.core.records.completeness.report import RUN_BLOB, last_run
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import Envelope, mark_requeued
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.window import Window
from shared.errors import StorageError, StorageNotFound
from tests.integration.support.azurite import (
    AzuriteAccount,
    CountingEventHub,
    DyingQueue,
    InstanceKilled,
    ReconciliationOptions,
    accepted_events,
    sample_account,
    sample_id,
    sample_window,
)

pytestmark = pytest.mark.anyio


def reconciliation(
    account: AzuriteAccount, **options: Unpack[ReconciliationOptions]
) -> Reconciliation:
    back_pressure = account.back_pressure(stall_timeout_s=0.1)
    return account.reconciliation(back_pressure, **options)


async def run(
    account: AzuriteAccount,
    window: Window,
    until: datetime | None = None,
    **options: Unpack[ReconciliationOptions],
) -> dict[str, Any]:
    report = await reconciliation(account, **options).reconcile(window.name, until or window.end)
    return report.to_json()


def counts(report: dict[str, Any], *names: str) -> list[Any]:
    return [report[name] for name in names]


async def test_an_undelivered_response_is_requeued(azurite: str) -> None:
    """It is queued with the envelope that its capture holds."""
    window = sample_window()
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(window), outcome=Outcome.TIMED_OUT)
        report = await run(account, window)
        assert await account.take_queued() == [mark_requeued(envelope, "reconcile")]
    assert counts(report, "captured", "delivered", "redelivered", "aborted", "complete") == [
        1,
        0,
        1,
        0,
        False,
    ]


async def test_a_request_alone_is_aborted(azurite: str) -> None:
    """Its instance was killed; the envelope is rebuilt from the request's capture."""
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        await account.put_request(exchange_id, deployment="gpt-5")
        report = await run(account, window)
        (envelope,) = await account.take_queued()
    assert (envelope.exchange_id, envelope.outcome, envelope.deployment) == (
        exchange_id,
        Outcome.ABORTED,
        "gpt-5",
    )
    assert (envelope.request_capture, envelope.response_capture) == (
        capture.request_name(exchange_id),
        None,
    )
    assert counts(report, "captured", "redelivered", "aborted") == [1, 0, 1]


async def test_a_delivered_request_alone_is_complete(azurite: str) -> None:
    """Its response may have gone to the Event Hub without a capture."""
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        await account.put_request(exchange_id)
        await account.ledger.append_deliveries(accepted_events([exchange_id]))
        report = await run(account, window)
        assert await account.take_queued() == []
    assert counts(report, "captured", "delivered", "complete") == [1, 1, True]


async def test_a_complete_window_is_not_listed_again(azurite: str) -> None:
    """The run returns the stored report of the window."""
    window = sample_window()
    async with sample_account(azurite) as account:
        ids = [sample_id(window) for _ in range(3)]
        for exchange_id in ids:
            await account.put_exchange(exchange_id)
        await account.ledger.append_deliveries(accepted_events(ids))
        reconciler = reconciliation(account)
        before = await reconciler.open_windows(window.end, timedelta(hours=1), include_open=False)
        report = (await reconciler.reconcile(window.name, window.end)).to_json()
        after = await reconciler.open_windows(window.end, timedelta(hours=1), include_open=False)
        stored = account.storage.blobs.get_blob_client("ledger", f"reports/{window.name}.json")
        assert json.loads(await (await stored.download_blob()).readall()) == report
    assert (before, after) == ([window.name], [])
    assert counts(report, "captured", "delivered", "complete") == [3, 3, True]


async def test_a_window_that_has_not_ended_is_not_complete(
    azurite: str,
) -> None:
    """It is listed again although nothing is missing."""
    window = sample_window()
    async with sample_account(azurite) as account:
        exchange_id = sample_id(window, minute=1)
        await account.put_exchange(exchange_id)
        await account.ledger.append_deliveries(accepted_events([exchange_id]))
        until = window.start + timedelta(minutes=30)
        report = await run(account, window, until)
        assert await reconciliation(account).open_windows(
            until, timedelta(minutes=10), include_open=True
        ) == [window.name]
    assert counts(report, "captured", "delivered", "running", "complete") == [1, 1, 0, False]


async def test_a_running_exchange_is_not_judged(azurite: str) -> None:
    """It may still be on its way."""
    window = sample_window()
    old, young = sample_id(window, minute=5), sample_id(window, minute=20)
    async with sample_account(azurite) as account:
        for exchange_id in (old, young):
            await account.put_request(exchange_id)
        report = await run(account, window, window.start + timedelta(minutes=20))
        assert [envelope.exchange_id for envelope in await account.take_queued()] == [old]
    assert counts(report, "captured", "aborted", "running", "complete") == [1, 1, 1, False]


async def test_a_corrupt_capture_is_dead_lettered_once(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has one error for it."""
    window = sample_window()
    garbage, headless, empty = (sample_id(window) for _ in range(3))
    async with sample_account(azurite) as account:
        await account.captures.put(capture.response_name(garbage), (b"garbage",))
        await account.captures.put(capture.request_name(headless), (capture.preamble({}),))
        await account.captures.put(capture.response_name(empty), (b"",))
        with caplog.at_level(logging.ERROR):
            first, second = await run(account, window), await run(account, window)
        assert await account.take_queued() == []
        dead_lettered = {
            dead_letter.exchange_id: dead_letter.reason
            for dead_letter in await account.dead_letters.dead_letters(1000)
        }
        assert dead_lettered == dict.fromkeys((garbage, headless, empty), "corrupt_capture")
        for exchange_id in dead_lettered:
            await account.dead_letters.remove_dead_letter(exchange_id)
    for report in (first, second):
        assert counts(report, "captured", "delivered", "dead_lettered", "complete") == [
            3,
            0,
            3,
            True,
        ]
    assert len(caplog.records) == 3


async def test_a_run_queues_no_more_than_its_limit(
    azurite: str,
) -> None:
    """The next run continues."""
    window = sample_window()
    ids = [sample_id(window) for _ in range(5)]
    async with sample_account(azurite) as account:
        for exchange_id in ids:
            await account.put_exchange(exchange_id)
        rounds: list[list[str]] = []
        while len(rounds) < 4:
            until = window.end + timedelta(seconds=len(rounds))
            report = await run(account, window, until, max_queued=2, batch_size=2)
            rounds.append([envelope.exchange_id for envelope in await account.take_queued()])
            assert report["captured"] == 5
            assert report["not_requeued"] == max(0, 3 - 2 * len(rounds) + 2)
            assert report["waiting"] is None
            await account.ledger.append_deliveries(accepted_events(rounds[-1]))
    assert [len(batch) for batch in rounds] == [2, 2, 1, 0]
    assert sorted(itertools.chain.from_iterable(rounds)) == sorted(ids)
    assert report["complete"]


async def test_a_run_is_blocked_by_the_queue_and_the_event_hub(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage must not become a storm. The log has the reason of each run that did nothing: the
    next run overwrites the orchestration's status.
    """
    caplog.set_level(logging.WARNING, "fnsse.reconciliation")
    async with sample_account(azurite) as account:
        began_at = sample_window().end
        reconciler = reconciliation(account, now=lambda: began_at)
        assert await reconciler.precheck() is None
        assert not caplog.messages
        await account.envelopes.put_later(sample_envelope(), wait_s=60)
        assert await reconciler.precheck() == "the queue still holds 1 envelopes"
        await account.storage.queue("envelopes").clear_messages()
        account.event_hub.ready = False
        assert await reconciler.precheck() == "the Event Hub is not ready"
        run_record = last_run(began_at, "the Event Hub is not ready")
        assert await account.json_blobs.get(RUN_BLOB) == run_record
    assert caplog.messages == [
        "Reconcile did nothing: the queue still holds 1 envelopes",
        "Reconcile did nothing: the Event Hub is not ready",
    ]


async def test_a_run_is_blocked_by_storage() -> None:
    """A storage failure blocks the run: the reason names it, and nothing is raised."""
    async with sample_account(connection_string(free_ports())) as account:
        assert await reconciliation(account).precheck() == "the queue cannot be reached"


async def test_a_stored_outcome_is_requeued(azurite: str) -> None:
    """The recorder or the poison handler stored the outcome of an exchange without a response."""
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        await account.put_request(exchange_id)
        envelope = await account.put_response(exchange_id, outcome=Outcome.UPSTREAM_ERROR)
        await account.captures.put_if_absent(capture.response_name(exchange_id), b"another")
        await run(account, window)
        assert await account.take_queued() == [mark_requeued(envelope, "reconcile")]


async def test_a_retry_repeats_one_batch_at_most(
    azurite: str,
) -> None:
    """Its report counts what both attempts have queued. The next run, which has another `until`,
    begins anew.
    """
    window = sample_window()
    ids = [sample_id(window) for _ in range(10)]
    async with sample_account(azurite) as account:
        for exchange_id in ids:
            await account.put_exchange(exchange_id)
        whole, account.envelopes = account.envelopes, DyingQueue(account.storage, 7)
        with pytest.raises(InstanceKilled):
            await run(account, window, batch_size=3)
        account.envelopes = whole
        first = [envelope.exchange_id for envelope in await account.take_queued()]
        report = await run(account, window, batch_size=3)
        second = [envelope.exchange_id for envelope in await account.take_queued()]
        await run(account, window, window.end + timedelta(seconds=1), batch_size=3)
        third = [envelope.exchange_id for envelope in await account.take_queued()]
    # a batch is queued in any order
    assert (len(first), set(first) - set(ids[6:9])) == (7, set(ids[:6]))
    assert sorted(second) == ids[6:]
    assert sorted(third) == ids
    assert counts(report, "captured", "redelivered", "not_requeued") == [10, 10, 0]


async def test_a_run_stops_if_the_event_hub_goes_away(
    azurite: str,
) -> None:
    """It stops between two batches, and the report names the reason."""
    window = sample_window()
    async with sample_account(azurite) as account:
        for _ in range(7):
            await account.put_exchange(sample_id(window))

        class UnreadyEventHub(CountingEventHub):
            async def probe(self) -> None:
                await super().probe()
                self.ready = False

        moments = iter(range(0, 1000, 10))
        back_pressure = BackPressure(
            account.envelopes, UnreadyEventHub(), clock=lambda: next(moments)
        )
        reconciler = account.reconciliation(back_pressure, batch_size=3)
        report = (await reconciler.reconcile(window.name, window.end)).to_json()
        assert len(await account.take_queued()) == 3
        stored = account.storage.blobs.get_blob_client("ledger", f"reports/{window.name}.json")
        assert json.loads(await (await stored.download_blob()).readall()) == report
    assert counts(report, "captured", "redelivered", "not_requeued", "waiting") == [
        7,
        3,
        4,
        "the Event Hub is not ready",
    ]
    assert not report["complete"]


async def test_a_run_stops_if_nothing_is_delivered(azurite: str) -> None:
    """The run gives up because the queue does not get shorter."""
    window = sample_window()
    async with sample_account(azurite) as account:
        for _ in range(9):
            await account.put_exchange(sample_id(window))
        back_pressure = account.back_pressure(max_in_flight=2, stall_timeout_s=0.1)
        reconciler = account.reconciliation(back_pressure, batch_size=3)
        report = (await reconciler.reconcile(window.name, window.end)).to_json()
        assert len(await account.take_queued()) == 3
    assert counts(report, "redelivered", "not_requeued", "waiting") == [
        3,
        6,
        "the queue still holds 3 envelopes",
    ]


async def test_a_run_stops_in_time(azurite: str) -> None:
    """The host replaces a worker whose function takes longer than functionTimeout."""
    window = sample_window()
    async with sample_account(azurite) as account:
        for _ in range(5):
            await account.put_exchange(sample_id(window))
        moments = iter([0, 1, 601, 602])
        report = await run(account, window, batch_size=2, clock=lambda: next(moments))
        assert len(await account.take_queued()) == 2
    assert counts(report, "captured", "redelivered", "not_requeued", "waiting") == [5, 2, 3, None]


async def test_a_run_stops_if_storage_fails(
    azurite: str,
) -> None:
    """The report counts the envelopes that were queued before the failure."""
    window = sample_window()

    class FailingQueue(EnvelopeQueue):
        puts = 0

        async def put(self, envelope: Envelope) -> None:
            self.puts += 1
            if self.puts == 4:
                raise StorageError("away")
            await super().put(envelope)

    async with sample_account(azurite) as account:
        for _ in range(8):
            await account.put_exchange(sample_id(window))
        account.envelopes = FailingQueue(account.storage)
        report = await run(account, window, batch_size=2)
        assert len(await account.take_queued()) == 3
    assert counts(report, "captured", "redelivered", "not_requeued", "waiting") == [
        8,
        3,
        5,
        "storage failed",
    ]


async def test_a_window_with_a_reopened_exchange_is_judged(
    azurite: str,
) -> None:
    """An operator requeued a dead letter, and the queue gave it up again. The exchange is not
    forgotten.
    """
    window = sample_window()
    later = window.end + timedelta(days=1)
    async with sample_account(azurite) as account:
        reconciler = reconciliation(account)
        envelope = await account.put_exchange(sample_id(window))
        await account.dead_letters.dead_letter(
            envelope.exchange_id, DeadLetterReason.ASSEMBLY_FAILED
        )
        report = (await reconciler.reconcile(window.name, window.end)).to_json()
        assert counts(report, "dead_lettered", "complete") == [1, True]

        await account.dead_letters.reopen(envelope.exchange_id)
        assert window.name in await reconciler.open_windows(
            later, timedelta(hours=1), include_open=False
        )
        report = (await reconciler.reconcile(window.name, later)).to_json()
        assert await account.take_queued() == [mark_requeued(envelope, "reconcile")]
        assert counts(report, "dead_lettered", "redelivered", "complete") == [0, 1, False]

        await account.ledger.append_deliveries(accepted_events([envelope.exchange_id]))
        report = (await reconciler.reconcile(window.name, later)).to_json()
        assert counts(report, "delivered", "dead_lettered", "complete") == [1, 0, True]
        assert window.name not in await reconciler.open_windows(
            later, timedelta(hours=1), include_open=False
        )


async def test_a_reopened_exchange_can_be_dead_lettered(
    azurite: str,
) -> None:
    """The later dead letter counts."""
    window = sample_window()
    moments = iter([1, 2, 3, 4])
    async with sample_account(azurite, clock=lambda: next(moments)) as account:
        exchange_id = sample_id(window)
        await account.put_exchange(exchange_id)
        assert await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.ASSEMBLY_FAILED)
        assert not await account.dead_letters.dead_letter(
            exchange_id, DeadLetterReason.ASSEMBLY_FAILED
        ), "known"
        await account.dead_letters.reopen(exchange_id)
        assert exchange_id not in await account.ledger_index.index(window.name)
        await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.ASSEMBLY_FAILED)
        assert exchange_id in await account.ledger_index.index(window.name)
        await account.dead_letters.remove_dead_letter(exchange_id)
        await account.dead_letters.close_reopened(window.name, {exchange_id: 10_000})


async def test_an_exchange_reopened_meanwhile_stays_reopened(
    azurite: str,
) -> None:
    """A run does not close an exchange that was reopened during the run, so that the next one looks
    at it again.
    """
    window = sample_window()
    async with sample_account(azurite) as account:
        reconciler = reconciliation(account)
        early, late = [await account.put_exchange(sample_id(window)) for _ in range(2)]
        for envelope in (early, late):
            await account.dead_letters.dead_letter(envelope.exchange_id, DeadLetterReason.TOO_LARGE)
        await account.dead_letters.reopen(early.exchange_id)
        await account.ledger.append_deliveries(accepted_events([early.exchange_id]))
        put_report = account.reports.put_report

        async def reopening(report: Any) -> None:
            await put_report(report)
            await account.dead_letters.reopen(late.exchange_id)

        account.reports.put_report = reopening  # type: ignore[method-assign]
        assert counts(
            (await reconciler.reconcile(window.name, window.end)).to_json(),
            "delivered",
            "dead_lettered",
            "complete",
        ) == [1, 1, True]
        account.reports.put_report = put_report  # type: ignore[method-assign]

        later = window.end + timedelta(days=1)
        assert window.name in await reconciler.open_windows(
            later, timedelta(hours=1), include_open=False
        )
        await reconciler.reconcile(window.name, later)
        assert await account.take_queued() == [mark_requeued(late, "reconcile")]
        await account.ledger.append_deliveries(accepted_events([late.exchange_id]))
        assert counts(
            (await reconciler.reconcile(window.name, later)).to_json(),
            "delivered",
            "dead_lettered",
            "complete",
        ) == [2, 0, True]
        assert window.name not in await reconciler.open_windows(
            later, timedelta(hours=1), include_open=False
        )


async def test_a_missing_queue_erases_nothing(
    azurite: str,
) -> None:
    """Its StorageNotFound says nothing of the exchange."""
    window = sample_window()

    class MissingQueue(EnvelopeQueue):
        async def put(self, envelope: Envelope) -> None:
            raise StorageNotFound("QueueNotFound")

    async with sample_account(azurite) as account:
        await account.put_exchange(sample_id(window))
        account.envelopes = MissingQueue(account.storage)
        report = await run(account, window)
    assert counts(report, "captured", "not_requeued", "waiting", "complete") == [
        1,
        1,
        "storage failed",
        False,
    ]


# --- the same step twice at once: an activity is called at least once -----------------------------


async def test_two_runs_at_once_lose_nothing(
    azurite: str,
) -> None:
    """Some exchanges are queued twice, which costs duplicates. An exchange that can never be
    delivered is dead-lettered once.
    """
    window = sample_window()
    async with (
        sample_account(azurite) as account,
        sample_account(azurite, writer="another") as other,
    ):
        ids = {(await account.put_exchange(sample_id(window))).exchange_id for _ in range(9)}
        killed, corrupt = sample_id(window), sample_id(window)
        await account.put_request(killed)
        await account.captures.put(capture.response_name(corrupt), (b"garbage",))
        reports = await asyncio.gather(
            *(run(writer, window, batch_size=2) for writer in (account, other, account))
        )
        assert [report["complete"] for report in reports] == [False] * 3
        queued = Counter(envelope.exchange_id for envelope in await account.take_queued())
        assert queued.keys() == ids | {killed}
        assert max(queued.values()) <= 3

        await account.ledger.append_deliveries(accepted_events(list(queued)[:-1]))
        reports = await asyncio.gather(
            *(run(writer, window, window.end + timedelta(seconds=1)) for writer in (account, other))
        )
        assert [report["complete"] for report in reports] == [False] * 2, "one is on its way"
        await account.ledger.append_deliveries(accepted_events(list(queued)[-1:]))
        reports = await asyncio.gather(
            *(run(writer, window, window.end + timedelta(seconds=2)) for writer in (account, other))
        )
        assert [
            counts(report, "captured", "delivered", "dead_lettered", "complete")
            for report in reports
        ] == [[11, 10, 1, True]] * 2
        await account.take_queued()
        await account.dead_letters.remove_dead_letter(corrupt)


async def test_an_abandoned_run_undoes_nothing(azurite: str) -> None:
    """It stood still while another run delivered everything and called the window complete. The
    window is judged once more then.
    """
    window = sample_window()

    class PausingQueue(EnvelopeQueue):
        def __init__(self, storage: StorageAccount) -> None:
            super().__init__(storage)
            self.paused, self.go_on = asyncio.Event(), asyncio.Event()
            self.puts = 0

        async def put(self, envelope: Envelope) -> None:
            self.puts += 1
            if self.puts == 3:
                self.paused.set()
                await self.go_on.wait()
            await super().put(envelope)

    async with (
        sample_account(azurite) as slow,
        sample_account(azurite, writer="another") as account,
    ):
        ids = {(await account.put_exchange(sample_id(window))).exchange_id for _ in range(6)}
        slow.envelopes = pausing = PausingQueue(slow.storage)
        standing = asyncio.create_task(run(slow, window, batch_size=1))
        await asyncio.wait_for(pausing.paused.wait(), 20)
        await run(account, window)
        queued = await account.take_queued()
        assert {envelope.exchange_id for envelope in queued} == ids
        await account.ledger.append_deliveries(accepted_events(sorted(ids)))
        last = window.end + timedelta(seconds=1)
        assert (await run(account, window, last))["complete"]

        pausing.go_on.set()
        assert not (await asyncio.wait_for(standing, 20))["complete"], (
            "it knows no more than the ledger said when it began"
        )
        assert {envelope.exchange_id for envelope in await account.take_queued()} <= ids, (
            "duplicates"
        )
        reconciler = reconciliation(account)
        assert window.name in await reconciler.open_windows(
            last, timedelta(hours=1), include_open=False
        )
        assert counts(
            (await reconciler.reconcile(window.name, last)).to_json(),
            "captured",
            "delivered",
            "complete",
        ) == [6, 6, True]
        assert await account.take_queued() == []
