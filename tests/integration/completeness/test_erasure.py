"""Erasure against Azurite: all exchanges of one caller in a range are erased, and no others."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.blobs.captures import Captures
from shared.completeness.erasure import ErasureRunner
from shared.completeness.exchange_erasure import ExchangeErasure
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import capture
from shared.core.records.exchange.digests import AcceptedEvent
from shared.core.records.exchange.envelope import Caller, to_fields
from shared.core.records.exchange.id_hash import hash_id
from shared.core.records.exchange.window import Window
from shared.core.records.operator.erasure_receipt import (
    ErasureCounts,
    ErasurePage,
    OperatorIdentity,
)
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.records.orchestration.erasure_state import ErasurePosition
from shared.core.records.queue.envelope_message import QUEUE
from shared.errors import StorageError, StorageImmutable
from tests.integration.support.azurite import (
    AzuriteAccount,
    sample_account,
    sample_id,
    sample_window,
)

pytestmark = pytest.mark.anyio

LATER = datetime(2030, 1, 1, tzinfo=UTC)
ANNA = Caller(user="anna@example.com", subscription="team-a")
BEN = Caller(user="ben@example.com", subscription="team-a")
OPERATOR = OperatorIdentity(auth="entra", object_id="an-operator")


def of_anna(window: Window, **changed: Any) -> ErasureRequest:
    fields: dict[str, Any] = {
        "first": window.start,
        "end": window.end,
        "user_sha256": hash_id("anna@example.com"),
        "dry_run": False,
    }
    return ErasureRequest(**fields | changed)


def sample_runner(
    account: AzuriteAccount,
    now: datetime = LATER,
    erasure: ExchangeErasure | None = None,
    **options: Any,
) -> ErasureRunner:
    return ErasureRunner(
        captures=account.captures,
        erasure=erasure or account.exchange_erasure(),
        records=account.json_blobs,
        queues={QUEUE: account.envelopes},
        max_age=timedelta(minutes=30),
        now=lambda: now,
        **options,
    )


async def put(account: AzuriteAccount, window: Window, caller: Caller, minute: float = 5) -> str:
    """Store both captures of a delivered exchange. Returns its id."""
    exchange_id = sample_id(window, minute)
    await account.put_request(exchange_id, caller=asdict(caller))
    await account.put_response(exchange_id)
    await account.ledger.append_deliveries([AcceptedEvent(exchange_id=exchange_id)])
    return exchange_id


async def run_to_the_end(
    runner: ErasureRunner, request: ErasureRequest, run: str
) -> tuple[ErasureCounts, dict[str, Any]]:
    """Call the steps as the orchestration does. Returns the sums, and the receipt."""
    position, counts = ErasurePosition(), ErasureCounts()
    while position.part < runner.part_count(request):
        step = await runner.step(run, request, position)
        assert type(step).from_json(json.loads(json.dumps(step.to_json()))) == step
        position, counts = step.position, counts + step.counts
    receipt = await runner.finish(run, request, OPERATOR, LATER, counts)
    assert await runner.receipt(run) == receipt
    return counts, receipt


async def erase(
    account: AzuriteAccount, request: ErasureRequest, now: datetime = LATER, **options: Any
) -> tuple[ErasureCounts, ErasurePage]:
    """Carry out a run. Returns its sums and its ids."""
    runner, run = sample_runner(account, now, **options), uuid.uuid4().hex
    counts, _ = await run_to_the_end(runner, request, run)
    return counts, await runner.ids(run)


async def has_captures(account: AzuriteAccount, exchange_id: str) -> bool:
    names = [capture.capture_name(exchange_id, kind) for kind in capture.CaptureKind]
    return any([await account.captures.exists(name) for name in names])


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_each_exchange_of_a_user_is_erased_and_nothing_else(azurite: str, page: int) -> None:
    """The size of the pages makes no difference. A dry run counts the same exchanges, and erases
    none.
    """
    window = sample_window()
    async with sample_account(azurite) as account:
        mine = [await put(account, window, ANNA) for _ in range(3)]
        others = [await put(account, window, BEN), await put(account, window, Caller())]
        mine.append(await put(account, window, ANNA))
        outside = await put(account, window, ANNA, minute=50)
        request = of_anna(window, end=window.start + timedelta(minutes=30))

        counts, ids = await erase(
            account, of_anna(window, end=request.end, dry_run=True), page_size=page
        )
        assert counts == ErasureCounts(searched=6, matched=4)
        assert ids == ErasurePage(exchange_ids=tuple(mine))
        assert all([await has_captures(account, exchange_id) for exchange_id in mine])

        counts, ids = await erase(account, request, page_size=page)
        assert counts == ErasureCounts(searched=6, matched=4, erased=4)
        assert ids == ErasurePage(exchange_ids=tuple(mine))
        assert not any([await has_captures(account, exchange_id) for exchange_id in mine])
        assert all([await has_captures(account, exchange_id) for exchange_id in [*others, outside]])
        assert await account.erasure_marks.erased_ids(window.name) == set(mine)

        counts, ids = await erase(account, request, page_size=page)
        assert (counts, ids) == (ErasureCounts(searched=2), ErasurePage()), "nothing is left"


async def test_a_subscription_is_erased_with_all_of_its_users(azurite: str) -> None:
    window = sample_window()
    async with sample_account(azurite) as account:
        ids = [await put(account, window, caller) for caller in (ANNA, BEN)]
        request = of_anna(window, user_sha256=None, subscription_sha256=hash_id("team-a"))
        assert (await erase(account, request))[1].exchange_ids == tuple(ids)


async def test_every_kind_of_capture_names_the_caller(azurite: str) -> None:
    """The caller is in a placeholder with its blocks, in an outcome alone, and in the captures of a
    dead letter.
    """
    window = sample_window()
    async with sample_account(azurite) as account:
        cut, ended, dead = sample_id(window), sample_id(window), await put(account, window, ANNA)
        await account.put_request(cut, caller=asdict(ANNA), body=b"", partial=True)
        await account.captures.stage(capture.request_name(cut), 1, b"a secret")
        envelope = await account.put_response(ended)
        await account.captures.erase(capture.response_name(ended))
        fields = {**to_fields(envelope), "caller": asdict(ANNA)}
        await account.captures.put(capture.outcome_name(ended), (capture.of_outcome(fields),))
        await account.dead_letters.dead_letter(dead, DeadLetterReason.TOO_LARGE)

        counts, ids = await erase(account, of_anna(window))
        assert set(ids.exchange_ids) == {cut, ended, dead}
        assert counts.erased == 3
        for exchange_id in (cut, ended, dead):
            assert not await has_captures(account, exchange_id)
        assert await account.captures.staged_blocks(capture.request_name(cut)) == frozenset()
        assert await account.dead_letters.dead_letters(1000) == []


async def test_an_expired_capture_names_no_caller(azurite: str) -> None:
    """Its retention is over: what remains of its captures names no caller."""
    window = sample_window()
    async with sample_account(azurite) as account:
        exchange_id = await put(account, window, ANNA)
        for name in (capture.request_name(exchange_id), capture.response_name(exchange_id)):
            header = await account.captures.header(name)
            await account.captures.put(name, (capture.expired_capture(header),))
        counts, ids = await erase(account, of_anna(window))
        assert (counts, ids) == (ErasureCounts(searched=1), ErasurePage())


async def test_what_may_still_be_running_or_cannot_be_read_is_listed(azurite: str) -> None:
    """It is not erased; the receipt is not complete then."""
    window = sample_window()
    async with sample_account(azurite) as account:
        running, corrupt = sample_id(window, minute=59), sample_id(window, minute=1)
        await account.put_request(running, caller=asdict(ANNA))
        await account.captures.put(capture.request_name(corrupt), (b"garbage",))
        runner, run = sample_runner(account, window.end), uuid.uuid4().hex
        counts, receipt = await run_to_the_end(runner, of_anna(window), run)
        assert counts == ErasureCounts(searched=2, matched=1, running=1, unreadable=1)
        assert not receipt["complete"]
        assert await runner.ids(run) == ErasurePage(running=(running,), unreadable=(corrupt,))
        assert await has_captures(account, running)

        counts, _ = await erase(
            account, of_anna(window, user_sha256=None, ids=frozenset({corrupt}))
        )
        assert counts.erased == 1, "by its id alone nobody has to read it"
        assert (await erase(account, of_anna(window)))[0].erased == 1, "it has ended since"


@pytest.mark.parametrize("id_page", [1, 100])
async def test_ids_are_erased_without_a_search(azurite: str, id_page: int) -> None:
    """Ids of another caller or of another range, and unknown ones, are left out."""
    window = sample_window()
    async with sample_account(azurite) as account:
        mine, other = await put(account, window, ANNA), await put(account, window, BEN)
        late, unknown = await put(account, window, ANNA, minute=50), sample_id(window)
        request = of_anna(
            window,
            end=window.start + timedelta(minutes=30),
            ids=frozenset({mine, other, late, unknown}),
        )
        counts, ids = await erase(account, request, id_page_size=id_page)
        assert (counts.searched, ids.exchange_ids) == (2, (mine,))
        assert await account.erasure_marks.erased_ids(window.name) == {mine}


async def test_the_receipt_says_who_erased_what_and_names_nobody(azurite: str) -> None:
    window = sample_window()
    async with sample_account(azurite) as account:
        await put(account, window, ANNA)
        _, receipt = await run_to_the_end(
            sample_runner(account), of_anna(window, reference="DSR-17"), uuid.uuid4().hex
        )
        assert receipt["requested_by"] == {"auth": "entra", "object_id": "an-operator"}
        assert (receipt["complete"], receipt["reference"]) == (True, "DSR-17")
        assert receipt["selection"]["user_sha256"] == hash_id("anna@example.com")
        assert receipt["queued"] == {QUEUE: 0}
        assert {"event_hub", "consumers", "soft_delete"} <= receipt["out_of_reach"].keys()
        assert "anna" not in json.dumps(receipt)


class FailingErasure(ExchangeErasure):
    """Erases `remaining` exchanges; then storage is away."""

    remaining = 0

    async def erase(self, exchange_id: str, run: str | None = None) -> None:
        if not self.remaining:
            raise StorageError("away")
        self.remaining -= 1
        await super().erase(exchange_id, run)


async def test_a_page_that_is_tried_again_reports_all_that_it_erased(azurite: str) -> None:
    """It reports as well what the first attempt had erased when storage failed."""
    window, run = sample_window(), uuid.uuid4().hex
    async with sample_account(azurite) as account:
        mine = [await put(account, window, ANNA) for _ in range(5)]
        failing = FailingErasure(
            captures=account.captures,
            erasure_marks=account.erasure_marks,
            dead_letters=account.dead_letters,
            failure_counts=account.json_blobs,
        )
        failing.remaining = 2
        with pytest.raises(StorageError):
            await sample_runner(account, erasure=failing).step(
                run, of_anna(window), ErasurePosition()
            )
        assert [await has_captures(account, exchange_id) for exchange_id in mine].count(False) == 2
        runner = sample_runner(account)
        counts, _ = await run_to_the_end(runner, of_anna(window), run)
        assert counts == ErasureCounts(searched=5, matched=5, erased=5)
        assert (await runner.ids(run)).exchange_ids == tuple(mine)
        assert not any([await has_captures(account, exchange_id) for exchange_id in mine])


async def test_a_page_reports_again_what_it_erased(azurite: str) -> None:
    """The result of a step may be lost after all was erased, and no capture may be left in the
    windows that the next attempt lists.
    """
    window = Window(sample_window().start.replace(year=2023))
    async with sample_account(azurite) as account:
        await put(account, window, ANNA)
        request = of_anna(window, end=window.start + timedelta(days=3))
        runner, run = sample_runner(account), uuid.uuid4().hex
        step = await runner.step(run, request, ErasurePosition())
        again = await runner.step(run, request, ErasurePosition())
    assert step.counts == again.counts == ErasureCounts(searched=1, matched=1, erased=1)


class HeldCaptures(Captures):
    """A policy of the account keeps every capture whose name holds `text`."""

    text = ""

    async def erase(self, name: str) -> bool:
        if self.text in name:
            raise StorageImmutable("storage refused", status=409, code="BlobImmutableDueToPolicy")
        return await super().erase(name)


async def test_what_a_policy_of_the_account_keeps_is_listed(azurite: str) -> None:
    """It is not marked as erased; what can be erased is."""
    window = sample_window()
    async with sample_account(azurite) as account:
        held, erased = [await put(account, window, ANNA) for _ in range(2)]
        captures = HeldCaptures(account.storage)
        captures.text = held
        account.captures = captures
        counts, ids = await erase(account, of_anna(window))
        assert counts == ErasureCounts(searched=2, matched=2, erased=1, immutable=1)
        assert not counts.complete
        assert ids == ErasurePage(exchange_ids=(erased,), immutable=(held,))
        assert await account.erasure_marks.erased_ids(window.name) == {erased}


async def test_reconcile_neither_misses_nor_delivers_what_was_erased(azurite: str) -> None:
    """A terminated run may even have left captures. The report counts erased exchanges apart."""
    window = sample_window()
    async with sample_account(azurite) as account:
        erased = await put(account, window, ANNA)
        await erase(account, of_anna(window))
        marked = sample_id(window)
        await account.put_exchange(marked)
        await account.erasure_marks.mark_erased(marked, None)
        remaining = await put(account, window, BEN)
        reconciliation = account.reconciliation()
        report = await reconciliation.reconcile(window.name, window.end)
        assert (report.captured, report.delivered, report.erased) == (1, 1, 2)
        assert (report.without_capture, report.complete) == (0, True)
        assert await account.take_queued() == []
        assert await account.erasure_marks.is_erased(erased)
        assert not await account.erasure_marks.is_erased(remaining)


async def test_an_empty_range_of_a_month_takes_few_steps(azurite: str) -> None:
    """A step goes through a day of hours in which nothing was captured."""
    window = Window(sample_window().start.replace(year=2024))
    async with sample_account(azurite) as account:
        runner, request, position, steps = (
            sample_runner(account),
            of_anna(window),
            ErasurePosition(),
            0,
        )
        request = of_anna(window, end=window.start + timedelta(days=31))
        while position.part < runner.part_count(request):
            position, steps = (await runner.step("r", request, position)).position, steps + 1
        assert (runner.part_count(request), steps) == (744, 31)
