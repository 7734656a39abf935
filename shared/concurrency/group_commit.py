"""Group commit: items that come while a send is under way share the next one.

A send costs a round trip whether it carries one item or hundreds. So the cost of an item falls as
the load rises, and nobody waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence


class PendingItem[T]:
    """An item whose caller waits until it is sent."""

    __slots__ = ("_future", "value")

    def __init__(self, value: T, future: asyncio.Future[None]) -> None:
        self.value = value
        self._future = future

    def complete(self) -> None:
        """The item is sent. Does nothing if its caller does not wait any more."""
        if not self._future.done():
            self._future.set_result(None)

    def fail(self, error: Exception) -> None:
        """The item is not sent: its caller raises the error. Does nothing if it does not wait any
        more. No two callers share an error, because raising one adds to its traceback.
        """
        if not self._future.done():
            self._future.set_exception(error)


class GroupCommit[T]:
    """Sends items in groups, in the order in which they came. Belongs to the event loop in which it
    is used first.

    A caller that is cancelled takes nothing from the others; its item may be sent nevertheless.
    """

    def __init__(
        self,
        send: Callable[[list[PendingItem[T]]], Awaitable[None]],
        error_for_caller: Callable[[BaseException], Exception],
        *,
        group_size: Callable[[Sequence[T]], int] = len,
        concurrency: int = 1,
        interval_s: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`send` sends a group. The items that are in the list when it returns are complete; those
        that are in it when it raises fail. It may take items off the list, and then completes or
        fails them itself, also after it has returned.

        `error_for_caller` makes the error of one caller from that exception. `group_size` gives how
        many of the first pending items make a group, at least one.

        At most `concurrency` sends are under way at once. If it is one, at least `interval_s` lies
        between the beginnings of two sends.
        """
        self._send = send
        self._error_for_caller = error_for_caller
        self._group_size = group_size
        self._concurrency = concurrency
        self._interval_s = interval_s
        self._sleep = sleep
        self._pending: list[PendingItem[T]] = []
        self._sends: list[asyncio.Task[None]] = []
        self._next_send_at = 0.0  # by the event loop's clock

    @property
    def is_sending(self) -> bool:
        """Whether a send is under way."""
        return any(not send.done() for send in self._sends)

    async def put(self, value: T) -> None:
        """Returns when the item is sent. Raises what `error_for_caller` gives if it is not."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append(PendingItem(value, future))
        self._sends = [send for send in self._sends if not send.done()]
        if len(self._sends) < self._concurrency:
            self._sends.append(asyncio.create_task(self._send_groups()))
        await future

    async def aclose(self) -> None:
        """End the sends under way. The callers that wait raise an error."""
        sends = [send for send in self._sends if not send.done()]
        for send in sends:
            send.cancel()
        if sends:
            await asyncio.wait(sends)
        self._fail(self._pending, asyncio.CancelledError())
        self._pending = []

    async def _send_groups(self) -> None:
        while self._pending:
            if self._interval_s:
                await self._pause()
            group, self._pending = self._pending, []
            try:
                size = self._group_size([pending.value for pending in group])
                group, self._pending = group[:size], group[size:]
                await self._send(group)
            except BaseException as error:
                self._fail(group, error)
                if not isinstance(error, Exception):  # `aclose`, or the process ends
                    raise
            else:
                complete_all(group)

    async def _pause(self) -> None:
        now = asyncio.get_running_loop().time
        await self._sleep(max(0.0, self._next_send_at - now()))
        self._next_send_at = now() + self._interval_s

    def _fail(self, group: Sequence[PendingItem[T]], error: BaseException) -> None:
        for pending in group:
            pending.fail(self._error_for_caller(error))


def complete_all[T](group: Iterable[PendingItem[T]]) -> None:
    """The group is sent."""
    for pending in group:
        pending.complete()
