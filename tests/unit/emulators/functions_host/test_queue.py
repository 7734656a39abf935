"""The pure parts of the queue trigger: back-off, options, names, text."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.storage.queue import QueueMessage

from emulators.functions_host.leases import Lease, LeaseBook
from emulators.functions_host.queue_backoff import QueueBackoff
from emulators.functions_host.queue_message import UnreadableMessageError, decode_content
from emulators.functions_host.queue_options import QueueOptions, parse_queue_options
from emulators.functions_host.queue_trigger import poison_name
from emulators.functions_host.unsupported import StartError, Unsupported


def test_an_idle_listener_backs_off_to_its_maximum() -> None:
    """The delay is the minimum, then the minimum plus a doubling delta, then the maximum."""
    backoff = QueueBackoff(0.1, 1.0, uniform=lambda least, most: (least + most) / 2)

    delays = [round(backoff.next_delay_s(has_messages=False), 3) for _ in range(7)]

    assert delays == [0.1, 0.2, 0.3, 0.5, 0.9, 1.0, 1.0]


def test_a_found_message_brings_the_delay_back_to_the_minimum() -> None:
    """After a find the next wait is the minimum, and growth starts again."""
    backoff = QueueBackoff(0.1, 1.0, uniform=lambda least, most: (least + most) / 2)
    for _ in range(7):
        backoff.next_delay_s(has_messages=False)

    delays = [
        round(backoff.next_delay_s(has_messages=has_messages), 3)
        for has_messages in (True, False, False)
    ]

    assert delays == [0.1, 0.2, 0.3]


def test_the_growth_is_random_by_a_fifth() -> None:
    """Each delta is random between 80 and 120 percent."""
    bounds: list[tuple[float, float]] = []

    def record(least: float, most: float) -> float:
        bounds.append((least, most))
        return least

    backoff = QueueBackoff(0.1, 1.0, uniform=record)
    delays = [round(backoff.next_delay_s(has_messages=False), 3) for _ in range(2)]

    assert bounds == [(0.8, 1.2)]
    assert delays == [0.1, 0.18]


def test_the_defaults_are_the_real_hosts() -> None:
    """An empty section means batches of 16, five attempts, immediate redelivery, polls up to a
    minute apart, Base64.
    """
    assert parse_queue_options({}) == QueueOptions(
        batch_size=16,
        new_batch_threshold=8,
        max_dequeue_count=5,
        visibility_timeout_s=0,
        max_polling_interval_s=60,
        base64=True,
    )


def test_the_threshold_defaults_to_half_the_batch() -> None:
    """newBatchThreshold follows batchSize unless it is given."""
    assert parse_queue_options({"batchsize": 5}).new_batch_threshold == 2
    assert parse_queue_options({"batchsize": 5, "newbatchthreshold": "0"}).new_batch_threshold == 0


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("batchsize", 33, "batchSize"),
        ("batchsize", "many", "batchSize"),
        ("maxdequeuecount", 0, "maxDequeueCount"),
        ("visibilitytimeout", "soon", "visibilityTimeout"),
        ("maxpollinginterval", "00:00:00.05", "maxPollingInterval"),
        ("messageencoding", "utf-7", "messageEncoding"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, named: str) -> None:
    """The error names the setting as host.json spells it."""
    with pytest.raises(StartError, match=named):
        parse_queue_options({key: value})


def test_an_unknown_setting_is_refused() -> None:
    """A setting that this host does not know could change behaviour, so it is not ignored."""
    with pytest.raises(Unsupported, match=r"extensions\.queues\.turbo"):
        parse_queue_options({"turbo": True})


@pytest.mark.parametrize(
    ("name", "poison"),
    [("envelopes", "envelopes-poison"), ("envelopes-poison", None), ("q" * 57, None)],
)
def test_which_queues_have_a_poison_queue(name: str, poison: str | None) -> None:
    """A poison queue has none of its own, nor has one whose name would be too long."""
    assert poison_name(name) == poison


def test_message_text_is_decoded_as_host_json_says() -> None:
    """Base64 by default, plain text with messageEncoding none; text that is not Base64 cannot be
    read.
    """
    assert decode_content("aGk=", base64_encoded=True) == b"hi"
    assert decode_content("hi there", base64_encoded=False) == b"hi there"
    with pytest.raises(UnreadableMessageError, match="messageEncoding"):
        decode_content("hi there", base64_encoded=True)


def test_a_worker_finds_the_leases_of_the_one_before_it(tmp_path: Path) -> None:
    """The leases are of messages neither deleted nor released when that process died, with the
    newest receipt of each.
    """
    done, message_at_work = (QueueMessage(content="") for _ in range(2))
    done.id, message_at_work.id = "done", "held"
    done.pop_receipt, message_at_work.pop_receipt = "a", "b"
    book = LeaseBook(tmp_path / "work.json")
    book.hold([done, message_at_work])
    book.drop(done)
    message_at_work.pop_receipt = "c"
    book.hold([message_at_work])
    book.close()

    assert LeaseBook(tmp_path / "work.json").leases_of_previous_worker() == [
        Lease(message_id="held", pop_receipt="c")
    ]


def test_a_first_worker_finds_no_leases(tmp_path: Path) -> None:
    """The first worker has no file of leases to read."""
    assert not list(LeaseBook(tmp_path / "work.json").leases_of_previous_worker())
