"""The ledger against Azurite: every accepted exchange is found again, with any number of writers
and entries.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from io import StringIO

import pytest

from local.stack.ports import free_ports
from local.stack.storage import connection_string
from shared.adapters.ledger.first_entries import REMEMBER_S, DigestReader
from shared.core.records.completeness.report import Report
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from tests.integration.support.azurite import (
    accepted_events,
    ledger_stores,
    sample_account,
    sample_id,
    sample_storage,
    sample_window,
)

pytestmark = pytest.mark.anyio


async def test_each_publication_is_one_append_per_window(azurite: str) -> None:
    first, second = sample_window(), sample_window()
    ids = [sample_id(first), sample_id(second), sample_id(first)]
    async with sample_account(azurite) as account:
        await account.ledger.append_deliveries(accepted_events(ids))
        assert (
            account.appender.blobs[first.name].blocks
            == account.appender.blobs[second.name].blocks
            == 1
        )
        in_first, in_second = (
            await account.ledger_index.index(first.name),
            await account.ledger_index.index(second.name),
        )
    assert len(in_first.delivered) == 2
    assert all(exchange_id in in_first for exchange_id in (ids[0], ids[2]))
    assert ids[1] in in_second
    assert ids[1] not in in_first


async def test_an_append_just_begun_groups_the_next(
    azurite: str,
) -> None:
    """The first one does not wait."""
    window, pauses = sample_window(), list[float]()
    pausing, over = asyncio.Event(), asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if seconds:
            pausing.set()
            await over.wait()

    async with sample_account(azurite, append_interval_s=60, sleep=pause) as account:
        await account.ledger.append_deliveries(accepted_events([sample_id(window)]))
        appends = [
            asyncio.create_task(
                account.ledger.append_deliveries(accepted_events([sample_id(window)]))
            )
        ]
        await asyncio.wait_for(pausing.wait(), 20)
        appends += [
            asyncio.create_task(
                account.ledger.append_deliveries(accepted_events([sample_id(window)]))
            )
        ]
        await asyncio.sleep(0)
        assert not any(append.done() for append in appends)
        over.set()
        await asyncio.wait_for(asyncio.gather(*appends), 20)
        known = await account.ledger_index.index(window.name)
        assert account.appender.blobs[window.name].blocks == 2
    assert len(known.delivered) == 3
    assert pauses[0] == 0
    assert 0 < pauses[1] <= 60


async def test_an_append_under_way_groups_the_next(
    azurite: str,
) -> None:
    """Slow blobs delay each of them by two appends at most, however many there are."""
    window = sample_window()
    async with sample_account(azurite) as account:
        ids = [sample_id(window) for _ in range(20)]
        await asyncio.gather(
            *(
                account.ledger.append_deliveries(accepted_events([exchange_id]))
                for exchange_id in ids
            )
        )
        await account.ledger.append_deliveries(accepted_events([sample_id(window)]))
        assert account.appender.blobs[window.name].blocks == 2
        known = await account.ledger_index.index(window.name)
    assert len(known.delivered) == 21
    assert all(exchange_id in known for exchange_id in ids)


async def test_what_was_delivered_twice_is_counted(azurite: str) -> None:
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        await account.ledger.append_deliveries(accepted_events([exchange_id]))
        await account.ledger.append_deliveries(accepted_events([exchange_id]))
        known = await account.ledger_index.index(window.name)
    assert (len(known.delivered), known.duplicates) == (1, 1)


async def test_a_full_blob_is_followed_by_the_next(azurite: str) -> None:
    """The next one is begun before the blob reaches its limit of blocks."""
    window = sample_window()
    ids = [sample_id(window) for _ in range(7)]
    async with sample_account(azurite, blocks_per_blob=3) as account:
        for exchange_id in ids:
            await account.ledger.append_deliveries(accepted_events([exchange_id]))
        assert len(await account.ledger_blobs(window)) == 3
        known = await account.ledger_index.index(window.name)
    assert all(exchange_id in known for exchange_id in ids)


async def test_many_instances_write_at_once_and_nothing_is_lost(azurite: str) -> None:
    window = sample_window()
    storages = [sample_storage(azurite) for _ in range(5)]
    workers = [ledger_stores(storage, uuid.uuid4().hex, blocks_per_blob=4) for storage in storages]
    ids = [[sample_id(window) for _ in range(20)] for _ in workers]
    try:
        await asyncio.gather(
            *(
                worker.ledger.append_deliveries(accepted_events([exchange_id]))
                for worker, own in zip(workers, ids, strict=True)
                for exchange_id in own
            )
        )
        known = await workers[0].ledger_index.index(window.name)
    finally:
        for storage in storages:
            await storage.aclose()
    assert len(known.delivered) == 100
    assert all(exchange_id in known for own in ids for exchange_id in own)
    assert known.duplicates == 0


async def test_a_writer_that_forgot_a_windows_blob(
    azurite: str,
) -> None:
    """It begins another one and empties none. A replay touches more windows than a writer
    remembers.
    """
    windows = [sample_window() for _ in range(50)]
    first = [sample_id(window) for window in windows]
    again = [sample_id(window) for window in windows[:3]]
    async with sample_account(azurite) as account:
        for exchange_id in [*first, *again]:
            await account.ledger.append_deliveries(accepted_events([exchange_id]))
        for window, ids in zip(windows[:3], zip(first, again, strict=False), strict=True):
            known = await account.ledger_index.index(window.name)
            assert all(exchange_id in known for exchange_id in ids)


async def test_a_blob_that_retention_deleted_is_created_again(azurite: str) -> None:
    window = sample_window()
    async with sample_account(azurite) as account:
        await account.ledger.append_deliveries(accepted_events([sample_id(window)]))
        (blob,) = await account.ledger_blobs(window)
        await account.storage.blobs.get_container_client("ledger").delete_blob(blob)
        later = sample_id(window)
        await account.ledger.append_deliveries(accepted_events([later]))
        assert later in await account.ledger_index.index(window.name)
        assert account.ledger.failures == 0


async def test_malformed_lines_are_logged_and_hide_no_entry(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        blob = account.storage.blobs.get_blob_client(
            "ledger", f"entries/{window.name}/foreign-000000.log"
        )
        await blob.upload_blob(
            b"garbage\n\xff\xfe\x00\n" + f"{exchange_id} delivered 1\n".encode() + b"one more\n",
            overwrite=True,
        )
        with caplog.at_level(logging.WARNING, "fnsse.ledger"):
            known = await account.ledger_index.index(window.name)
    assert exchange_id in known
    assert "3 lines that are not entries" in caplog.text


async def test_a_window_of_which_nothing_was_written_is_empty(azurite: str) -> None:
    async with sample_account(azurite) as account:
        assert len((await account.ledger_index.index(sample_window().name)).delivered) == 0


async def test_a_ledger_that_cannot_be_reached(
    caplog: pytest.LogCaptureFixture, every_log: StringIO
) -> None:
    """The failure is counted, not raised. The events are delivered: they are delivered once more,
    by reconcile.
    """
    async with sample_account(connection_string(free_ports())) as account:
        await account.ledger.append_deliveries(accepted_events([sample_id(sample_window())]))
        assert account.ledger.failures == 1
    assert "did not take 1 entries" in caplog.text
    assert "AccountKey" not in every_log.getvalue()


async def test_dead_letters_are_listed(
    azurite: str,
) -> None:
    """The oldest first, with their reasons."""
    older, newer = (sample_id(window) for window in (sample_window(), sample_window()))
    async with sample_account(azurite) as account:
        await account.dead_letters.dead_letter(newer, DeadLetterReason.TOO_LARGE)
        await account.dead_letters.dead_letter(older, DeadLetterReason.CORRUPT_CAPTURE)
        listed = await account.dead_letters.dead_letters(1000)
        assert [(dead_letter.exchange_id, dead_letter.reason) for dead_letter in listed] == [
            (older, "corrupt_capture"),
            (newer, "too_large"),
        ]
        assert len(await account.dead_letters.dead_letters(1)) == 1
        counts = [await account.dead_letters.dead_letter_count(limit) for limit in (1, 2, 1000)]
        assert counts == [1, 2, 2], "counting stops at its limit"
        assert await account.dead_letters.remove_dead_letter(older)
        assert not await account.dead_letters.remove_dead_letter(older)
        assert await account.dead_letters.remove_dead_letter(newer)
        assert await account.dead_letters.dead_letters(1000) == []


async def test_complete_windows(azurite: str) -> None:
    """They are the windows that a report calls complete."""
    complete, open_, unknown = sample_window(), sample_window(), sample_window()
    async with sample_account(azurite) as account:
        await account.reports.put_report(
            Report(window=complete.name, captured=1, delivered=1, ended=True)
        )
        await account.reports.put_report(Report(window=open_.name, captured=1, delivered=1))
        names = [complete.name, open_.name, unknown.name]
        assert await account.reports.complete_windows(names) == {complete.name}
        assert await account.reports.complete_windows(names[1:]) == set()


async def test_the_first_of_two_workers(azurite: str) -> None:
    """Its entry is the earlier one. Metrics count the exchange there."""
    window, moments = sample_window(), iter([20.0, 10.0, 30.0])
    twice, once = sample_id(window), sample_id(window)
    async with (
        sample_account(azurite, writer="late", clock=lambda: next(moments)) as late,
        sample_account(azurite, writer="early", clock=lambda: next(moments)) as early,
    ):
        await late.ledger.append_deliveries(accepted_events([twice]))
        await early.ledger.append_deliveries(accepted_events([twice]))
        await late.ledger.append_deliveries(accepted_events([once]))
        requested = {twice, once, sample_id(window)}
        assert await late.ledger.first_deliveries(window.name, requested) == {once}
        assert await early.ledger.first_deliveries(window.name, requested) == {twice}


async def test_what_the_ledger_did_not_take_is_remembered() -> None:
    """Until reconcile delivers it again, no metric counts it."""
    exchange_id = sample_id(sample_window())
    async with sample_account(connection_string(free_ports())) as account:
        await account.ledger.append_deliveries(accepted_events([exchange_id]))
        assert account.ledger.lacks_entry(exchange_id)
        assert not account.ledger.lacks_entry(sample_id(sample_window()))


async def test_each_new_dead_letter_is_reported_once(azurite: str) -> None:
    exchange_id, reasons = sample_id(sample_window()), list[str]()
    async with sample_account(azurite, on_dead_letter=reasons.append) as account:
        for _ in range(2):
            await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.TOO_LARGE)
    assert reasons == [DeadLetterReason.TOO_LARGE]


async def test_consecutive_pages_read_the_ledger_once(azurite: str) -> None:
    """A window of a million exchanges has 4,000 pages. What was delivered a while ago is found
    even if it was not there at the first reading.
    """
    window, now = sample_window(), 0.0
    async with sample_account(azurite) as account:
        first, second = sorted(sample_id(window, minute=1) for _ in range(2))
        reader = DigestReader(account.storage, lambda: now)
        digests = Digests(request="r" * 43)
        await account.ledger.append_deliveries([AcceptedEvent(exchange_id=first, digests=digests)])
        assert await reader.read(window.name, [first, second]) == {first: digests}
        await account.ledger.append_deliveries([AcceptedEvent(exchange_id=second, digests=digests)])
        assert await reader.read(window.name, [second]) == {}
        now = REMEMBER_S
        assert await reader.read(window.name, [second]) == {second: digests}
