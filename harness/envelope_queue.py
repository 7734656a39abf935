"""The queue of envelopes as an operator sees it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from azure.storage.queue import QueueClient

from harness.waiting import poll_until
from local.stack import Stack
from shared.core.records.queue import envelope_message

_SENDERS: Final = 8
_HIDDEN_S: Final = 3600


@dataclass(frozen=True, kw_only=True)
class WaitingMessage:
    """An envelope whose delivery failed and will be tried again."""

    text: str  # of the message, which may hold others as well
    tries: int


def queue(stack: Stack, name: str = "envelopes") -> QueueClient:
    """A client of the stack's queue; use it in a `with` block."""
    return QueueClient.from_connection_string(stack.storage_connection_string, name)


def fill(stack: Stack, count: int) -> None:
    """Queue empty messages that are hidden for an hour. Several are sent at the same time, which
    halves the time for a thousand.
    """
    with queue(stack) as envelopes, ThreadPoolExecutor(_SENDERS) as pool:
        for _ in pool.map(
            lambda _: envelopes.send_message("", visibility_timeout=_HIDDEN_S), range(count)
        ):
            pass


def empty(stack: Stack) -> None:
    """Delete all messages, those that are hidden as well."""
    with queue(stack) as envelopes:
        envelopes.clear_messages()


def wait_until_empty(stack: Stack) -> None:
    """Returns when no envelope is queued or being processed, so that no further event can be
    sent.
    """
    with queue(stack) as envelopes:
        poll_until(
            lambda: envelopes.get_queue_properties().approximate_message_count == 0,
            "an empty queue of envelopes",
        )


def wait_until_tried(stack: Stack, exchange_ids: Collection[str]) -> dict[str, WaitingMessage]:
    """Wait until the delivery of each exchange has failed; return the envelopes by exchange id.

    While it is being tried, and until its visibilityTimeout is over, it cannot be peeked at; so
    this looks until it was seen.
    """
    envelope_by_id: dict[str, WaitingMessage] = {}

    def probe() -> bool:
        for message in envelopes.peek_messages(max_messages=32):
            text = b64decode(message.content).decode()
            for envelope in envelope_message.load(text):
                if envelope.exchange_id in exchange_ids and message.dequeue_count:
                    waiting = WaitingMessage(text=text, tries=message.dequeue_count)
                    envelope_by_id[envelope.exchange_id] = waiting
        return envelope_by_id.keys() == set(exchange_ids)

    with queue(stack) as envelopes:
        poll_until(probe, "every envelope to be tried and to come back")
    return envelope_by_id
