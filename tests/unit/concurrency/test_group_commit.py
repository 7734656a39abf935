"""Group commit: what shares a send, and what each caller gets when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from shared.concurrency.group_commit import GroupCommit, PendingItem

pytestmark = pytest.mark.anyio


class SendError(Exception):
    """The error that a caller gets."""


@dataclass
class Destination:
    """Takes groups once `gate` is open; raises `failure` if it is set."""

    groups: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    async def send(self, group: Sequence[PendingItem[str]]) -> None:
        self.groups.append([pending.value for pending in group])
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure


def error_for_caller(error: BaseException) -> SendError:
    return SendError(type(error).__name__)


def open_destination() -> Destination:
    destination = Destination()
    destination.gate.set()
    return destination


async def run_ready_tasks() -> None:
    """Let every task go on until it waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


async def begin_puts(commits: GroupCommit[str], values: str) -> list[asyncio.Task[None]]:
    """One caller for each letter. Returns when each has put it."""
    puts = [asyncio.create_task(commits.put(value)) for value in values]
    await run_ready_tasks()
    return puts


async def results(puts: Sequence[asyncio.Task[None]]) -> list[BaseException | None]:
    async with asyncio.timeout(20):
        return await asyncio.gather(*puts, return_exceptions=True)


async def test_a_lone_item_is_sent_alone() -> None:
    destination = open_destination()
    commits = GroupCommit(destination.send, error_for_caller)
    for value in "abc":
        await commits.put(value)
    assert destination.groups == [["a"], ["b"], ["c"]]
    assert not commits.is_sending


async def test_a_send_under_way_groups_the_next_in_their_order() -> None:
    """Nobody returns before the own send does."""
    destination = Destination()
    commits = GroupCommit(destination.send, error_for_caller)
    puts = await begin_puts(commits, "a") + await begin_puts(commits, "bcd")
    assert commits.is_sending
    assert not any(put.done() for put in puts)
    destination.gate.set()
    assert await results(puts) == [None] * 4
    assert destination.groups == [["a"], ["b", "c", "d"]]


async def test_a_silent_send_does_not_hold_up_another() -> None:
    """Two may be under way; what comes then waits for the first that ends."""
    destination = Destination()
    commits = GroupCommit(destination.send, error_for_caller, concurrency=2)
    puts = await begin_puts(commits, "a") + await begin_puts(commits, "b")
    puts += await begin_puts(commits, "cd")
    assert destination.groups == [["a"], ["b"]]
    destination.gate.set()
    assert await results(puts) == [None] * 4
    assert destination.groups == [["a"], ["b"], ["c", "d"]]


async def test_a_group_holds_as_much_as_its_size_allows() -> None:
    """The rest makes the next groups, in order."""
    destination = open_destination()
    commits = GroupCommit(
        destination.send, error_for_caller, group_size=lambda values: min(2, len(values))
    )
    assert await results(await begin_puts(commits, "abcde")) == [None] * 5
    assert destination.groups == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_failed_send_fails_each_of_its_callers() -> None:
    """Each with an error of its own. The next send is not concerned."""
    destination = open_destination()
    destination.failure = OSError("no")
    commits = GroupCommit(destination.send, error_for_caller)
    errors = await results(await begin_puts(commits, "abc"))
    assert [str(error) for error in errors] == ["OSError"] * 3
    assert [type(error) for error in errors] == [SendError] * 3
    assert len(set(map(id, errors))) == 3
    destination.failure = None
    await commits.put("d")
    assert destination.groups == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize("failure", [None, OSError("no")], ids=["sent", "failed"])
async def test_a_send_may_take_items_off_the_group(failure: Exception | None) -> None:
    """It completes or fails them itself, at once or later; how it ends concerns the others."""
    go_on = asyncio.Event()
    later: list[PendingItem[str]] = []

    async def send(group: list[PendingItem[str]]) -> None:
        group.pop(0).complete()
        group.pop(0).fail(SendError("too large"))
        later.append(group.pop(0))
        await go_on.wait()
        if failure is not None:
            raise failure

    puts = await begin_puts(GroupCommit(send, error_for_caller), "abcd")
    assert [put.done() for put in puts] == [True, True, False, False]
    go_on.set()
    await run_ready_tasks()
    assert [put.done() for put in puts] == [True, True, False, True]
    later[0].complete()
    last = "None" if failure is None else "OSError"
    assert [str(result) for result in await results(puts)] == ["None", "too large", "None", last]


@pytest.mark.parametrize("failure", [None, OSError("no")], ids=["sent", "failed"])
async def test_a_cancelled_caller_takes_nothing_from_the_others(failure: Exception | None) -> None:
    """Its item is sent with theirs."""
    destination = Destination(failure=failure)
    commits = GroupCommit(destination.send, error_for_caller)
    puts = await begin_puts(commits, "a") + await begin_puts(commits, "bc")
    for put in puts[:2]:  # of one that is being sent, and of one that waits
        put.cancel()
    destination.gate.set()
    types = [type(result) for result in await results(puts)]
    assert types[:2] == [asyncio.CancelledError] * 2
    assert types[2] is (type(None) if failure is None else SendError)
    assert destination.groups == [["a"], ["b", "c"]]


async def test_a_group_that_cannot_be_made_fails_all_that_wait() -> None:
    """They would wait forever otherwise. Later items are sent."""
    destination = open_destination()
    sizes = iter([TypeError("a bug")])

    def group_size(values: Sequence[str]) -> int:
        for error in sizes:
            raise error
        return len(values)

    commits = GroupCommit(destination.send, error_for_caller, group_size=group_size)
    errors = await results(await begin_puts(commits, "ab"))
    assert [str(error) for error in errors] == ["TypeError"] * 2
    await commits.put("c")
    assert destination.groups == [["c"]]


async def test_closing_fails_all_that_wait() -> None:
    """It fails the items that are being sent, and those that are not yet."""
    destination = Destination()
    commits = GroupCommit(destination.send, error_for_caller)
    puts = await begin_puts(commits, "a") + await begin_puts(commits, "b")
    await commits.aclose()
    assert [str(error) for error in await results(puts)] == ["CancelledError"] * 2
    assert destination.groups == [["a"]]
    assert not commits.is_sending


async def test_sends_begin_an_interval_apart() -> None:
    """The first one does not wait. Items that come during the wait share the send."""
    destination = open_destination()
    pauses: list[float] = []
    is_over = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if seconds:
            await is_over.wait()

    commits = GroupCommit(destination.send, error_for_caller, interval_s=60, sleep=sleep)
    await commits.put("a")
    puts = await begin_puts(commits, "b") + await begin_puts(commits, "c")
    assert destination.groups == [["a"]]
    is_over.set()
    assert await results(puts) == [None] * 2
    assert destination.groups == [["a"], ["b", "c"]]
    assert pauses[0] == 0
    assert 0 < pauses[1] <= 60
