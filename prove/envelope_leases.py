"""The queue of envelopes, and the leases on it that a killed host leaves.

The envelopes of a killed embedded host become visible when its lease of seconds ends. With func the
lease is ten minutes: it is ended early with the receipt that func got. An envelope whose receipt
never passed the gate is deleted. That is harder for the app than waiting, because reconcile has to
find the exchange.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Final

from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from prove.result import NotProven

_LEASE_S: Final = 4.0  # longer than any attempt and its visibilityTimeout take here


class EnvelopeLeases:
    """Counts and empties the queue of envelopes."""

    def __init__(
        self,
        connection_string: Callable[[], str],
        receipts: dict[str, str],
        *,
        end_early: bool,
    ) -> None:
        """`receipts`: message id -> the newest receipt; `end_early`: the lease is too long to wait
        for.
        """
        self.released = 0  # envelopes whose lease was ended early
        self.cleared = 0  # envelopes that were deleted: no receipt was known
        self.lost = False  # a process died that may have held envelopes
        self._connection_string = connection_string
        self._receipts = receipts
        self._end_early = end_early

    @property
    def counts(self) -> dict[str, int]:
        """The counts by their names in a proof's result."""
        return {
            "envelopes whose lease was ended early": self.released,
            "envelopes deleted with their leases": self.cleared,
        }

    def waiting(self, name: str = "envelopes") -> int:
        """Number of messages on a queue, invisible ones included."""
        with self._queue(name) as queue:
            return _count(queue)

    def wait_idle(self, patience_s: float = 60) -> None:
        """Returns when the queue is empty. Raises NotProven unless it gets shorter in
        `patience_s`.
        """
        ended = False
        deadline, fewest = time.monotonic() + patience_s, sys.maxsize
        visible_at = time.monotonic()
        with self._queue("envelopes") as queue:
            while count := _count(queue):
                if queue.peek_messages(max_messages=1):
                    visible_at = time.monotonic()
                if self._end_early and self.lost and time.monotonic() - visible_at > _LEASE_S:
                    self._clear(queue, count) if ended else self._end_leases(queue)
                    ended, visible_at = True, time.monotonic()
                if count < fewest:
                    fewest, deadline = count, time.monotonic() + patience_s
                if time.monotonic() > deadline:
                    raise NotProven(f"the queue has held {count} envelopes for {patience_s:g} s")
                time.sleep(0.1)

    def _clear(self, queue: QueueClient, count: int) -> None:
        self.cleared += count
        queue.clear_messages()

    def _end_leases(self, queue: QueueClient) -> None:
        """End the leases of all messages that were handed out through the gate and still exist."""
        for message_id, receipt in list(self._receipts.items()):
            with contextlib.suppress(HttpResponseError):
                queue.update_message(message_id, receipt, visibility_timeout=0)
                self.released += 1

    def _queue(self, name: str) -> QueueClient:
        return QueueClient.from_connection_string(self._connection_string(), name)


def _count(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count or 0
