"""Follows background responses: polls those that are due, and postpones each until it has
ended.

A message of the queue stands for one response. The queue hides it until the next poll is due, so
a response that is not due costs nothing, and no instance has to remember it. If an instance is
killed while it handles a message, the message becomes visible again after a while.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.concurrency.cooperative import run_cooperatively
from shared.core.decisions import polling
from shared.core.decisions.polling import Attempt, EndReason, Postpone
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import FollowUp, QueuedFollowUp
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.core.wire.http.headers import header
from shared.core.wire.http.retry_after import retry_after_s
from shared.core.wire.json.json_members import find_members
from shared.core.wire.json.json_shape import short
from shared.errors import NotAnObject, StorageError, StorageNotFound, UpstreamError, WrongType
from shared.following.followed_envelope import FetchResult
from shared.ports.queues import FollowUpStore
from shared.ports.upstream import ResponseFetcher

_log = logging.getLogger("fnsse.following")

# A run takes messages in batches, several at the same time, until it is over. The next run
# continues.
BATCH_SIZE: Final = 16
CONCURRENT_BATCHES: Final = 4
MAX_RUN_S: Final = 300.0
# Longer than a poll (FOLLOW_S) and the storage calls after it, and no longer than a response should
# wait if its instance is killed. If storage takes longer, the response is polled twice, and
# recorded once.
VISIBILITY_TIMEOUT_S: Final = 120
# A message that fails as often, which takes 40 minutes, is removed.
MAX_FAILURES: Final = 20
_STATUS: Final = frozenset({"status"})
_TOO_MANY_REQUESTS: Final = 429


class Follower:
    """Begins to follow responses, and polls those that are due."""

    def __init__(
        self,
        *,
        upstream: ResponseFetcher,
        queue: FollowUpStore,
        record: Callable[[FollowUp, FetchResult, datetime], Awaitable[bool]],
        first_wait_s: float,
        concurrent_batches: int = CONCURRENT_BATCHES,
        max_run_s: float = MAX_RUN_S,
        visibility_timeout_s: int = VISIBILITY_TIMEOUT_S,
        max_failures: int = MAX_FAILURES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random_fraction: Callable[[], float] = random.random,
    ) -> None:
        """`record` stores how a response ended; see `FollowedExchanges.record`. `first_wait_s`:
        from the end of a create call to the first poll.
        """
        self._upstream = upstream
        self._queue = queue
        self._record = record
        self._first_wait_s = first_wait_s
        self._concurrent_batches = concurrent_batches
        self._max_run_s = max_run_s
        self._visibility_timeout_s = visibility_timeout_s
        self._max_failures = max_failures
        self._now = now
        self._random_fraction = random_fraction
        self._paused_until: datetime | None = None  # the upstream asked for a pause

    async def begin(self, follow_up: FollowUp) -> None:
        """Follow a response. Raises StorageError, but not if the queue does not exist: a retry
        would not change that, and the event of the create call is delivered already.
        """
        age_s = follow_up.age_s(self._now())
        wait_s = polling.wait_before_first_poll(age_s, self._first_wait_s)
        try:
            await self._queue.add(follow_up, wait_s)
        except StorageNotFound as error:
            _log_end(follow_up, str(error))

    async def run(self) -> None:
        """Poll the responses that are due. Raises StorageError if the queue cannot be read."""
        ends_at = self._now() + timedelta(seconds=self._max_run_s)
        if await self._handle_batch():  # if little is due, a run costs one call of the queue
            await asyncio.gather(
                *(self._run_batches(ends_at) for _ in range(self._concurrent_batches))
            )

    async def _run_batches(self, ends_at: datetime) -> None:
        while self._now() < ends_at and await self._handle_batch():
            pass

    async def _handle_batch(self) -> bool:
        """Handle the next batch of messages that are due. Returns whether there may be more.
        Raises StorageError.
        """
        if self._is_paused():
            return False
        messages = await self._queue.take(BATCH_SIZE, self._visibility_timeout_s)
        await asyncio.gather(*map(self._handle, messages))
        return len(messages) == BATCH_SIZE

    async def _handle(self, message: QueuedFollowUp) -> None:
        """Handle one message. After a failure it stays in the queue, which shows it again."""
        try:
            follow_up = follow_ups.load(message.body)
        except WrongType as error:
            _log.error("A message of the queue of follow-ups is discarded: %s", error)
            await self._remove(message)
            return
        try:
            await self._follow(message, follow_up)
        except StorageError as error:
            _log.warning(
                "The response that exchange %s created could not be followed now: %s",
                follow_up.create_exchange_id,
                error,
            )

    async def _follow(self, message: QueuedFollowUp, follow_up: FollowUp) -> None:
        if message.tries - follow_up.poll_count > self._max_failures:
            _log_end(follow_up, f"its message failed {self._max_failures} times")
            await self._queue.remove(message)
            return
        polled_at = self._now()
        result = await self._fetch(follow_up)
        action = polling.decide(
            follow_up,
            await self._attempt(result),
            polled_at,
            first_wait_s=self._first_wait_s,
            random_fraction=self._random_fraction(),
        )
        if isinstance(action, Postpone):
            await self._queue.postpone(message, action.follow_up, action.wait_s)
            return
        if action.reason is not EndReason.FINAL:
            _log_end(follow_up, action.reason)
        await self._record(follow_up, result, polled_at)
        await self._queue.remove(message)

    async def _fetch(self, follow_up: FollowUp) -> FetchResult:
        try:
            return await self._upstream.get(follow_up.target)
        except UpstreamError as error:
            return error

    async def _attempt(self, result: FetchResult) -> Attempt:
        if not isinstance(result, FetchedResponse):
            return Attempt(http_status=None, response_status=None)
        now = self._now()
        server_wait_s = retry_after_s(header(result.headers, b"retry-after"), now)
        if result.status == _TOO_MANY_REQUESTS:
            self._paused_until = now + timedelta(seconds=min(server_wait_s, polling.LONGEST_WAIT_S))
        return Attempt(
            http_status=result.status,
            response_status=await _status(result) if result.status < 400 else None,
            retry_after_s=server_wait_s,
        )

    def _is_paused(self) -> bool:
        """Whether the upstream asked for a pause, which holds for all responses."""
        return self._paused_until is not None and self._now() < self._paused_until

    async def _remove(self, message: QueuedFollowUp) -> None:
        try:
            await self._queue.remove(message)
        except StorageError as error:
            _log.warning("A message of the queue of follow-ups could not be removed: %s", error)


async def _status(response: FetchedResponse) -> str | None:
    """`status` in a response's body; None if there is none. The search of a long body does not
    block the event loop.
    """
    try:
        spans = await run_cooperatively(find_members(response.body, _STATUS))
        span = spans["status"]
        return short(json.loads(response.body[span.start : span.end]))
    except (NotAnObject, KeyError, ValueError):
        return None


def _log_end(follow_up: FollowUp, reason: str) -> None:
    _log.warning(
        "The response that exchange %s created is not followed any more: %s",
        follow_up.create_exchange_id,
        reason,
    )
