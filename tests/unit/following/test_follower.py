"""A run of the follower ends in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.records.queue.follow_up import FollowUp, QueuedFollowUp
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.following.followed_envelope import FetchResult
from shared.following.follower import BATCH_SIZE, CONCURRENT_BATCHES, Follower

pytestmark = pytest.mark.anyio

STEP_S = 10


class UnusedUpstream:
    """An upstream that nothing calls: every message is discarded."""

    async def get(self, target: bytes) -> FetchedResponse:
        raise AssertionError


async def record_nothing(follow_up: FollowUp, result: FetchResult, polled_at: datetime) -> bool:
    """A recorder that nothing calls."""
    raise AssertionError


class EndlessQueue:
    """A queue that is never empty. A batch takes STEP_S."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, tzinfo=UTC)
        self.batches = 0

    async def add(self, follow_up: FollowUp, wait_s: int) -> None:
        raise AssertionError

    async def take(self, count: int, visibility_timeout_s: int) -> list[QueuedFollowUp]:
        self.batches += 1
        assert self.batches < 1000, "the run does not end"
        self.now += timedelta(seconds=STEP_S)
        return [QueuedFollowUp(body=b"{}", message_id="a", pop_receipt="b", tries=1)] * BATCH_SIZE

    async def postpone(self, message: QueuedFollowUp, follow_up: FollowUp, wait_s: int) -> None:
        raise AssertionError

    async def remove(self, message: QueuedFollowUp) -> None:
        """It is gone."""


@pytest.mark.parametrize("concurrent_batches", [1, CONCURRENT_BATCHES])
async def test_a_run_ends_by_the_clock_that_it_was_given(concurrent_batches: int) -> None:
    """Its last batches begin before the end. The next run goes on."""
    queue = EndlessQueue()
    follower = Follower(
        upstream=UnusedUpstream(),
        queue=queue,
        record=record_nothing,
        first_wait_s=0,
        concurrent_batches=concurrent_batches,
        max_run_s=10 * STEP_S,
        now=lambda: queue.now,
    )
    await follower.run()
    assert 10 <= queue.batches < 10 + concurrent_batches
