"""The ledger's first entry of an exchange is found among all of a window."""

from __future__ import annotations

from shared.core.records.delivery.first_entries import FirstEntries
from shared.core.records.delivery.ledger_entry import Delivery, LedgerEntry
from shared.core.records.exchange.exchange_id import new_exchange_id

FIRST, SECOND, OTHER = (new_exchange_id(1_763_908_200_000, bytes([n] * 10)) for n in range(3))


def line(exchange_id: str, at_ms: int, delivery: Delivery = Delivery.DELIVERED) -> bytes:
    return LedgerEntry(exchange_id=exchange_id, delivery=delivery, at_ms=at_ms).line()


def test_the_earliest_delivery_is_the_first() -> None:
    """The order in which the ledger's blobs are read does not matter."""
    entries = FirstEntries({FIRST, SECOND})
    entries.read(line(FIRST, 20) + line(SECOND, 5) + line(OTHER, 1), "late")
    entries.read(line(FIRST, 10) + line(SECOND, 6), "early")
    assert entries.of_writer("early") == {FIRST}
    assert entries.of_writer("late") == {SECOND}


def test_two_writers_of_one_moment_agree() -> None:
    """Each asks for itself, so a rule that both know decides."""
    entries = FirstEntries({FIRST})
    for writer in ("b", "a"):
        entries.read(line(FIRST, 10), writer)
    assert (entries.of_writer("a"), entries.of_writer("b")) == ({FIRST}, set())


def test_other_lines_are_not_deliveries() -> None:
    """A dead letter and a line that is not an entry are ignored."""
    entries = FirstEntries({FIRST})
    entries.read(line(FIRST, 1, Delivery.DEAD_LETTERED) + FIRST.encode() + b" ?\n", "w")
    assert entries.of_writer("w") == set()
