"""The queue of follow-ups: background responses to poll. Each method raises StorageError."""

from __future__ import annotations

from typing import Protocol

from shared.core.records.queue.follow_up import FollowUp, QueuedFollowUp


class FollowUpStore(Protocol):
    """Queues follow-ups, and gives out those that are due."""

    async def put(self, follow_up: FollowUp, wait_s: int) -> None:
        """Queue a follow-up, visible after `wait_s` seconds."""
        ...

    async def take(self, count: int, visibility_timeout_s: int) -> list[QueuedFollowUp]:
        """Up to `count` messages that are due; `count` is at most 32. Each becomes visible again
        after `visibility_timeout_s` seconds unless it is postponed or removed.
        """
        ...

    async def postpone(self, message: QueuedFollowUp, follow_up: FollowUp, wait_s: int) -> None:
        """Replace a message's follow-up, and hide it for `wait_s` seconds."""
        ...

    async def remove(self, message: QueuedFollowUp) -> None:
        """Delete a message."""
        ...
