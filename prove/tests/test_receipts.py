"""Receipts of queue messages, read from the responses that pass a gate."""

from __future__ import annotations

from harness.cutting import every_way
from prove.receipts import ReceiptReader


def answer(*messages: tuple[str, str]) -> bytes:
    """The response of Get Messages."""
    listed = "".join(
        f"<QueueMessage><MessageId>{message_id}</MessageId><InsertionTime>now</InsertionTime><PopReceipt>{receipt}</PopReceipt>"
        f"<MessageText>{'x' * 3000}</MessageText></QueueMessage>"
        for message_id, receipt in messages
    )
    return f"HTTP/1.1 200 OK\r\n\r\n<QueueMessagesList>{listed}</QueueMessagesList>".encode()


def test_the_newest_receipt_of_each_message() -> None:
    """The newest receipt of each message is known however the responses are cut."""
    whole = answer(("a", "1"), ("b", "2")) + answer() + answer(("a", "3"))
    for pieces in every_way(whole):
        result: dict[str, str] = {}
        reader = ReceiptReader(result)
        for piece in pieces:
            reader.feed(piece)
        assert result == {"a": "3", "b": "2"}


def test_a_newer_receipt_stays() -> None:
    """A receipt that another connection has seen since is not taken back."""
    result: dict[str, str] = {}
    first, second = ReceiptReader(result), ReceiptReader(result)
    first.feed(answer(("a", "1")))
    second.feed(answer(("a", "2")))
    first.feed(answer())
    assert result == {"a": "2"}
