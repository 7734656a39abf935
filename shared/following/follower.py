"""Follows background responses: asks the upstream how those that are due are, and postpones each
until it has ended.

A message of the queue is one response. The queue hides it until its time has come, so a response
that is not due costs nothing, and no instance has to remember it. A message that is in hand when
its instance is killed shows again after a while.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from shared.concurrency.cooperative import run_cooperatively
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import FollowUp, QueuedFollowUp
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.core.wire.http.headers import header
from shared.core.wire.http.retry_after import retry_after_s
from shared.core.wire.json.json_members import find_members
from shared.core.wire.json.json_shape import short
from shared.errors import NotAnObject, StorageError, StorageNotFound, UpstreamError, WrongType
from shared.following import decision
from shared.following.decision import AskAgain, Attempt, EndReason
from shared.following.recording import Answer

_log = logging.getLogger("fnsse.following")

# A run takes messages so many at a time, in so many lanes, for so long. The next run goes on.
TAKEN_AT_ONCE: Final = 16
LANES: Final = 4
MAX_RUN_S: Final = 300.0
# Of a message that is in hand: longer than a question (FOLLOW_S) and the storage calls after it,
# and no longer than a response should wait whose instance is killed meanwhile. If storage takes
# longer, the response is asked about twice, and recorded once.
HIDDEN_S: Final = 120
# After as many failures, 40 minutes of them, a message is given up.
MAX_FAILURES: Final = 20
_STATUS: Final = frozenset({"status"})
_BUSY: Final = 429


class ResponseFetcher(Protocol):
    """The upstream."""

    async def get(self, target: bytes) -> FetchedResponse:
        """The response to a GET of a path and query. Raises UpstreamError."""
        ...


class FollowUpStore(Protocol):
    """The queue of follow-ups. Each method raises StorageError."""

    async def put(self, follow_up: FollowUp, wait_s: int) -> None:
        """Queue a follow-up, visible after `wait_s` seconds."""
        ...

    async def take(self, count: int, hidden_s: int) -> list[QueuedFollowUp]:
        """Up to `count` messages that are due, hidden for `hidden_s` seconds."""
        ...

    async def postpone(self, message: QueuedFollowUp, follow_up: FollowUp, wait_s: int) -> None:
        """Replace a message's follow-up, and hide it for `wait_s` seconds."""
        ...

    async def remove(self, message: QueuedFollowUp) -> None:
        """Delete a message."""
        ...


class ExchangeRecorder(Protocol):
    """Records how a response ended."""

    async def record(self, follow_up: FollowUp, answer: Answer, asked_at: datetime) -> bool:
        """Store the exchange and queue its envelope; False if it was stored before. Raises
        StorageError.
        """
        ...


class Follower:
    """Begins to follow responses, and asks about those that are due."""

    def __init__(
        self,
        upstream: ResponseFetcher,
        queue: FollowUpStore,
        exchanges: ExchangeRecorder,
        *,
        first_wait_s: float,
        max_run_s: float = MAX_RUN_S,
        hidden_s: int = HIDDEN_S,
        max_failures: int = MAX_FAILURES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`first_wait_s`: from the end of a create call to the first question."""
        self._upstream = upstream
        self._queue = queue
        self._exchanges = exchanges
        self._first_wait_s = first_wait_s
        self._max_run_s = max_run_s
        self._hidden_s = hidden_s
        self._max_failures = max_failures
        self._clock = clock
        self._chance = chance
        self._busy_until: datetime | None = None  # the upstream asked for a pause

    async def begin(self, follow_up: FollowUp) -> None:
        """Follow a response. Raises StorageError, unless the queue does not exist: no other try
        could change that, and the event that asks for it is delivered.
        """
        age_s = follow_up.age_s(self._clock())
        wait_s = decision.first_wait_s(age_s, self._first_wait_s)
        try:
            await self._queue.put(follow_up, wait_s)
        except StorageNotFound as error:
            _log_end(follow_up, str(error))

    async def run(self) -> None:
        """Ask about the responses that are due. Raises StorageError if the queue cannot be read."""
        ends_at = time.monotonic() + self._max_run_s
        if await self._handle_next():  # a run that finds little costs one call of the queue
            await asyncio.gather(*(self._run_lane(ends_at) for _ in range(LANES)))

    async def _run_lane(self, ends_at: float) -> None:
        while time.monotonic() < ends_at and await self._handle_next():
            pass

    async def _handle_next(self) -> bool:
        """Handle the next messages that are due; whether there may be more. Raises StorageError."""
        if self._pauses(self._clock()):
            return False
        messages = await self._queue.take(TAKEN_AT_ONCE, self._hidden_s)
        await asyncio.gather(*map(self._handle, messages))
        return len(messages) == TAKEN_AT_ONCE

    async def _handle(self, message: QueuedFollowUp) -> None:
        """A failure leaves the message in the queue, which shows it again."""
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
        if message.tries - follow_up.question_count > self._max_failures:
            _log_end(follow_up, f"its message failed {self._max_failures} times")
            await self._queue.remove(message)
            return
        asked_at = self._clock()
        answer = await self._ask(follow_up)
        decided = decision.decide(
            follow_up,
            await self._attempt(answer),
            asked_at,
            first_wait_s=self._first_wait_s,
            chance=self._chance(),
        )
        if isinstance(decided, AskAgain):
            await self._queue.postpone(message, decided.follow_up, decided.wait_s)
            return
        if decided.reason is not EndReason.FINAL:
            _log_end(follow_up, decided.reason)
        await self._exchanges.record(follow_up, answer, asked_at)
        await self._queue.remove(message)

    async def _ask(self, follow_up: FollowUp) -> Answer:
        try:
            return await self._upstream.get(follow_up.target)
        except UpstreamError as error:
            return error

    async def _attempt(self, answer: Answer) -> Attempt:
        if not isinstance(answer, FetchedResponse):
            return Attempt(http_status=None, response_status=None)
        now = self._clock()
        asked_s = retry_after_s(header(answer.headers, b"retry-after"), now)
        if answer.status == _BUSY:
            self._busy_until = now + timedelta(seconds=min(asked_s, decision.LONGEST_WAIT_S))
        return Attempt(
            http_status=answer.status,
            response_status=await _status(answer) if answer.status < 400 else None,
            retry_after_s=asked_s,
        )

    def _pauses(self, now: datetime) -> bool:
        """Whether the upstream asked for a pause, which does not concern one response alone."""
        return self._busy_until is not None and now < self._busy_until

    async def _remove(self, message: QueuedFollowUp) -> None:
        try:
            await self._queue.remove(message)
        except StorageError as error:
            _log.warning("A message of the queue of follow-ups could not be removed: %s", error)


async def _status(answer: FetchedResponse) -> str | None:
    """`status` of a response; None if there is none. A long body is searched without blocking."""
    try:
        spans = await run_cooperatively(find_members(answer.body, _STATUS))
        span = spans["status"]
        return short(json.loads(answer.body[span.start : span.end]))
    except (NotAnObject, KeyError, ValueError):
        return None


def _log_end(follow_up: FollowUp, reason: str) -> None:
    _log.warning(
        "The response that exchange %s created is not followed any more: %s",
        follow_up.create_exchange_id,
        reason,
    )
