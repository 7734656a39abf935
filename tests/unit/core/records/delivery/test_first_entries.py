"""The ledger's first entry of an exchange is found among all of a window: its writer, and the
digests that later deliveries are compared with.
"""

from __future__ import annotations

from shared.core.records.delivery.first_entries import FirstDigests, FirstWriters
from shared.core.records.delivery.ledger_entries import Delivery, LedgerEntry
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.exchange_id import new_exchange_id

A, B, C, D = (letter * 43 for letter in "abcd")
FIRST, SECOND, OTHER = (new_exchange_id(1_763_908_200_000, bytes([n] * 10)) for n in range(3))


def line(exchange_id: str, at_ms: int, delivery: Delivery = Delivery.DELIVERED) -> bytes:
    return LedgerEntry(exchange_id=exchange_id, delivery=delivery, at_ms=at_ms).line()


def test_the_earliest_delivery_is_the_first() -> None:
    """The order in which the ledger's blobs are read does not matter."""
    entries = FirstWriters({FIRST, SECOND})
    entries.read(line(FIRST, 20) + line(SECOND, 5) + line(OTHER, 1), "late")
    entries.read(line(FIRST, 10) + line(SECOND, 6), "early")
    assert entries.of_writer("early") == {FIRST}
    assert entries.of_writer("late") == {SECOND}


def test_two_writers_of_one_moment_agree() -> None:
    """Each asks for itself, so a rule that both know decides."""
    entries = FirstWriters({FIRST})
    for writer in ("b", "a"):
        entries.read(line(FIRST, 10), writer)
    assert (entries.of_writer("a"), entries.of_writer("b")) == ({FIRST}, set())


def test_other_lines_are_not_deliveries() -> None:
    """A dead letter and a line that is not an entry are ignored."""
    entries = FirstWriters({FIRST})
    entries.read(line(FIRST, 1, Delivery.DEAD_LETTERED) + FIRST.encode() + b" ?\n", "w")
    assert entries.of_writer("w") == set()


def digests_line(exchange_id: str, at_ms: int, **known: str) -> bytes:
    return LedgerEntry(
        exchange_id=exchange_id,
        delivery=Delivery.DELIVERED,
        at_ms=at_ms,
        detail=Digests(**known).word,
    ).line()


def test_the_earliest_entry_counts_wherever_it_is_read() -> None:
    """A later delivery must not replace the digests with which the next one is compared."""
    first = FirstDigests([FIRST])
    first.read(
        digests_line(FIRST, 9, request=B, response=B, event=B) + digests_line(SECOND, 1, request=D)
    )
    first.read(digests_line(FIRST, 5, request=A, response=A, event=A))
    assert first.of([FIRST]) == {FIRST: Digests(request=A, response=A, event=A)}


def test_what_the_first_entry_lacks_is_taken_from_the_next() -> None:
    """An `aborted` event came before the response's capture was stored, an old version of the app
    wrote no digest at all.
    """
    first = FirstDigests([FIRST, SECOND])
    first.read(
        digests_line(FIRST, 1)
        + digests_line(FIRST, 2, request=A, event=B)
        + digests_line(SECOND, 1)
    )
    first.read(digests_line(FIRST, 3, request=C, response=C, event=C))
    assert first.of([FIRST, SECOND]) == {FIRST: Digests(request=A, response=C, event=B)}


def test_what_began_soon_after_is_found_as_well() -> None:
    """A replay asks for it next; and for the exchanges that were asked for, whenever they began."""
    start = 1_763_908_200_000
    target, soon, later, last, before = (
        new_exchange_id(start + seconds * 1000, bytes(10)) for seconds in (0, 59, 60, 3000, -1)
    )
    first = FirstDigests([last, target])
    for exchange_id in (target, soon, later, last, before):
        first.read(digests_line(exchange_id, 1, request=A))
    assert first.of([target, soon, later, last, before]).keys() == {target, soon, last}
    assert first.covers([target, soon])
    for outside in (later, last, before):
        assert not first.covers([target, outside])
