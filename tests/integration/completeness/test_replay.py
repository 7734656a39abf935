"""Replay against Azurite: each selected exchange of a window is queued once, page by page, after
live traffic.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from harness.sample_envelope import sample_envelope
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.window import Window
from shared.core.records.operator.replay_request import ReplayRequest
from shared.core.records.orchestration.replay_state import ReplayPage
from shared.core.wire.content_mode import ContentMode
from tests.integration.completeness.replay_runner import LATER, sample_replay_runner
from tests.integration.support.azurite import (
    AzuriteAccount,
    DyingQueue,
    InstanceKilled,
    sample_account,
    sample_id,
    sample_window,
)

pytestmark = pytest.mark.anyio


def everything_in(window: Window, **narrowed: Any) -> ReplayRequest:
    return ReplayRequest(first=window.start, end=window.end, **narrowed)


async def replay(
    account: AzuriteAccount,
    selection: ReplayRequest,
    window: Window,
    now: datetime = LATER,
    **options: int,
) -> tuple[list[ReplayPage], list[Envelope]]:
    """Replay all pages of a window, and return the queued envelopes."""
    runner, instance = sample_replay_runner(account, now, **options), uuid.uuid4().hex
    pages = [await runner.queue_page(instance, selection, window.name, None)]
    while pages[-1].marker is not None:
        pages.append(await runner.queue_page(instance, selection, window.name, pages[-1].marker))
    return pages, await account.take_queued()


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_each_exchange_is_queued_once(azurite: str, page: int) -> None:
    """The size of the pages makes no difference."""
    window = sample_window()
    async with sample_account(azurite) as account:
        envelopes = [await account.put_exchange(sample_id(window)) for _ in range(4)]
        await account.put_request(aborted := sample_id(window))
        pages, queued = await replay(account, everything_in(window), window, page_size=page)
    assert sorted(envelope.exchange_id for envelope in queued) == sorted(
        [aborted, *(envelope.exchange_id for envelope in envelopes)]
    )
    assert all(envelope.replayed for envelope in queued)
    assert {replace(envelope, replayed=False).exchange_id: envelope.outcome for envelope in queued}[
        aborted
    ] is Outcome.ABORTED
    assert sum(page.queued for page in pages) == 5
    assert len(pages) >= 9 // page


async def test_the_captured_envelope_is_replayed(azurite: str) -> None:
    """The queued envelope differs from it by `replayed` alone."""
    window = sample_window()
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(window), outcome=Outcome.TIMED_OUT)
        _, queued = await replay(account, everything_in(window), window)
    assert queued == [replace(envelope, replayed=True)]


async def test_a_request_narrows_the_replay(azurite: str) -> None:
    """It selects by deployment, outcome, ids and range."""
    window = sample_window()
    async with sample_account(azurite) as account:
        early, late = sample_id(window, minute=1), sample_id(window, minute=40)
        await account.put_exchange(early, deployment="a", outcome=Outcome.COMPLETED)
        await account.put_exchange(late, deployment="b", outcome=Outcome.TIMED_OUT)
        for selection, expected in (
            (everything_in(window, deployment="a"), [early]),
            (everything_in(window, outcome=Outcome.TIMED_OUT), [late]),
            (everything_in(window, deployment="a", outcome=Outcome.TIMED_OUT), []),
            (everything_in(window, ids=frozenset({late})), [late]),
            (ReplayRequest(first=window.start, end=window.start + timedelta(minutes=30)), [early]),
        ):
            _, queued = await replay(account, selection, window)
            assert [envelope.exchange_id for envelope in queued] == expected


async def test_a_running_exchange_is_not_replayed(azurite: str) -> None:
    """Without a response it would be taken for an aborted one."""
    window = sample_window()
    async with sample_account(azurite) as account:
        running, killed = sample_id(window, minute=40), sample_id(window, minute=20)
        for exchange_id in (running, killed):
            await account.put_request(exchange_id)
        _, queued = await replay(account, everything_in(window), window, window.end)
    assert [envelope.exchange_id for envelope in queued] == [killed]


async def test_corrupt_captures_are_counted(azurite: str) -> None:
    """They do not stop the replay."""
    window = sample_window()
    async with sample_account(azurite) as account:
        await account.captures.put(
            capture.response_name(sample_id(window, minute=1)), (b"garbage",)
        )
        whole = await account.put_exchange(sample_id(window, minute=2))
        pages, queued = await replay(account, everything_in(window), window)
    assert [page.unreadable for page in pages] == [1]
    assert [envelope.exchange_id for envelope in queued] == [whole.exchange_id]


async def test_live_traffic_goes_first(azurite: str) -> None:
    """A page waits while the queue is long."""
    window = sample_window()
    async with sample_account(azurite) as account:
        await account.put_exchange(sample_id(window))
        for _ in range(3):
            await account.envelopes.put(sample_envelope())
        runner = sample_replay_runner(account, max_queued=2)
        assert await runner.queue_page(
            "live", everything_in(window), window.name, "where it was"
        ) == ReplayPage(
            queued=0,
            unreadable=0,
            marker="where it was",
            waiting="the queue still holds 3 envelopes",
        )
        await account.take_queued()
        page = await runner.queue_page("live", everything_in(window), window.name, None)
        assert (page.queued, page.waiting) == (1, None)
        await account.take_queued()


async def test_a_window_without_captures_is_done_at_once(azurite: str) -> None:
    """Its only page is the last one."""
    window = sample_window()
    async with sample_account(azurite) as account:
        pages, queued = await replay(account, everything_in(window), window)
    assert (pages, queued) == ([ReplayPage(queued=0, unreadable=0, marker=None, waiting=None)], [])


async def test_a_retried_page_repeats_one_batch_at_most(
    azurite: str,
) -> None:
    """The page counts the results of both attempts. Another replay of that page begins anew."""
    window = sample_window()
    ids = [sample_id(window) for _ in range(10)]
    selection = everything_in(window)
    async with sample_account(azurite) as account:
        for exchange_id in ids:
            await account.put_exchange(exchange_id)
        whole, account.envelopes = account.envelopes, DyingQueue(account.storage, 7)
        with pytest.raises(InstanceKilled):
            await sample_replay_runner(account, batch_size=3).queue_page(
                "one", selection, window.name, None
            )
        account.envelopes = whole
        first = [envelope.exchange_id for envelope in await account.take_queued()]
        page = await sample_replay_runner(account, batch_size=3).queue_page(
            "one", selection, window.name, None
        )
        second = [envelope.exchange_id for envelope in await account.take_queued()]
        await sample_replay_runner(account, batch_size=3).queue_page(
            "another", selection, window.name, None
        )
        third = [envelope.exchange_id for envelope in await account.take_queued()]
    # a batch is queued in any order
    assert (len(first), set(first) - set(ids[6:9])) == (7, set(ids[:6]))
    assert sorted(second) == ids[6:]
    assert sorted(third) == ids
    assert (page.queued, page.marker) == (10, None)


async def test_a_replay_waits_for_the_event_hub(azurite: str) -> None:
    """Nothing is queued while it is not ready."""
    window = sample_window()
    async with sample_account(azurite) as account:
        await account.put_exchange(sample_id(window))
        account.event_hub.ready = False
        page = await sample_replay_runner(account, batch_size=3).queue_page(
            "early", everything_in(window), window.name, None
        )
        assert (page.queued, page.marker, page.waiting) == (0, None, "the Event Hub is not ready")
        assert await account.take_queued() == []


async def test_the_same_page_twice_at_once_queues_everything(azurite: str) -> None:
    """An activity is called at least once: that costs duplicates, and leaves nothing out."""
    window, instance = sample_window(), uuid.uuid4().hex
    async with sample_account(azurite) as account, sample_account(azurite) as other:
        ids = {(await account.put_exchange(sample_id(window))).exchange_id for _ in range(9)}
        selection = everything_in(window)
        runs = [
            sample_replay_runner(writer, batch_size=2).queue_page(
                instance, selection, window.name, None
            )
            for writer in (account, other, account)
        ]
        pages = await asyncio.gather(*runs)
        assert [(page.marker, page.waiting) for page in pages] == [(None, None)] * 3
        assert {envelope.exchange_id for envelope in await account.take_queued()} == ids


async def test_a_redacted_exchange_without_captures_is_counted(azurite: str) -> None:
    """It is not queued, because its bodies are erased and its event has all that remains."""
    window = sample_window()
    async with sample_account(azurite) as account:
        redacted = await account.put_exchange(sample_id(window), content_mode=ContentMode.REDACTED)
        other = await account.put_exchange(sample_id(window))
        for name in (redacted.request_capture, redacted.response_capture):
            assert name is not None
            await account.captures.erase_body(name)
        pages, queued = await replay(account, everything_in(window), window)
        stored = await account.small_capture(redacted.response_capture)
    assert [envelope.exchange_id for envelope in queued] == [other.exchange_id]
    assert sum(page.erased for page in pages) == 1
    assert (stored.body, capture.is_erased(stored.header)) == (b"", True)


async def test_what_an_operator_erased_is_counted(azurite: str) -> None:
    """Erased exchanges of the range count once, however many pages there are."""
    window = sample_window()
    async with sample_account(azurite) as account:
        for minute in (1, 2, 50):
            await account.erasure_marks.mark_erased(sample_id(window, minute), None)
        for _ in range(3):
            await account.put_exchange(sample_id(window))
        selection = ReplayRequest(first=window.start, end=window.start + timedelta(minutes=30))
        pages, queued = await replay(account, selection, window, page_size=2)
    assert (len(queued), sum(page.erased for page in pages)) == (3, 2)
