"""The ledger's lines: written and read the same, however cut, and garbage costs no more than
itself.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.cutting import every_way
from shared.core.records.delivery.ledger_entries import Delivery, LedgerEntry, LedgerReader
from shared.core.records.exchange.digests import NO_DIGESTS, Digests
from shared.core.records.exchange.exchange_id import new_exchange_id

DIGESTS = Digests(request="r" * 43, event="e" * 43)
A, B, C = ("a" * 43, "-" * 43, "_" * 43)
ids = st.builds(
    new_exchange_id, st.integers(0, 4_102_444_800_000), st.binary(min_size=10, max_size=10)
)
entries = st.builds(
    LedgerEntry,
    exchange_id=ids,
    delivery=st.sampled_from(Delivery),
    at_ms=st.integers(0, 2**48),
    detail=st.sampled_from(["", "corrupt_capture", DIGESTS.word]),
)
DELIVERED = LedgerEntry(
    exchange_id=new_exchange_id(1, bytes(10)), delivery=Delivery.DELIVERED, at_ms=7
)


def read(*pieces: bytes) -> tuple[list[LedgerEntry], int]:
    reader = LedgerReader()
    found = [entry for piece in pieces for entry in reader.feed(piece)]
    return found, reader.unreadable


@given(st.lists(entries, max_size=20))
def test_what_is_written_is_read(written: list[LedgerEntry]) -> None:
    assert read(b"".join(entry.line() for entry in written)) == (written, 0)


def test_it_does_not_matter_how_a_blob_is_cut() -> None:
    dead_lettered = LedgerEntry(
        exchange_id=new_exchange_id(2, bytes(10)),
        delivery=Delivery.DEAD_LETTERED,
        at_ms=8,
        detail="too_large",
    )
    for pieces in every_way(DELIVERED.line() + dead_lettered.line()):
        assert read(*pieces) == ([DELIVERED, dead_lettered], 0)


@given(st.lists(st.binary(max_size=90).map(lambda line: line.replace(b"\n", b"")), max_size=10))
def test_unreadable_lines_are_counted(garbage: list[bytes]) -> None:
    """They do not hide the entries around them."""
    found, unreadable = read(b"".join(line + b"\n" + DELIVERED.line() for line in garbage))
    assert (found, unreadable) == ([DELIVERED] * len(garbage), len(garbage))


def test_near_misses_are_not_entries() -> None:
    exchange_id = DELIVERED.exchange_id
    for line in (
        f"{exchange_id.upper()} delivered 1" if exchange_id != exchange_id.upper() else "x",
        f"{exchange_id} delivered",
        f"{exchange_id} delivered -1",
        f"{exchange_id} lost 1",
        f"{exchange_id} delivered {'1' * 5000}",
        f"{exchange_id} delivered 1 too many words",
        "00000000-0000-4000-8000-000000000000 delivered 1",
    ):
        assert read(line.encode() + b"\n") == ([], 1), line


def test_a_line_without_its_end_is_not_read() -> None:
    assert read(DELIVERED.line()[:-1]) == ([], 0)


def test_an_entry_holds_what_was_delivered() -> None:
    """It holds the digests of its sources as well. A dead letter was not delivered."""
    for delivery, expected in (
        (Delivery.DELIVERED, DIGESTS),
        (Delivery.DEAD_LETTERED, NO_DIGESTS),
    ):
        entry = replace(DELIVERED, delivery=delivery, detail=DIGESTS.word)
        ([found], _) = read(entry.line())
        assert found.digests == expected


def test_versions_with_and_without_digests_agree() -> None:
    """They take turns in a deployment. The older version takes a line of three or four words for an
    entry, and would deliver again an exchange whose line it cannot read.
    """
    old_line = f"{DELIVERED.exchange_id} delivered 7\n".encode()
    assert old_line == DELIVERED.line()
    assert read(old_line) == ([DELIVERED], 0)
    new = replace(DELIVERED, detail=Digests(request=A, response=B, event=C).word)
    assert len(new.line().split(b" ")) == 4
    assert len(new.line()) <= 200


def test_words_that_are_not_digests_are_none() -> None:
    for word in ("", "too_large", ",,", f"{A},{B}", f"{A},{B},{C},", f"{A},x,{C}", f"{A}=,{B},{C}"):
        assert Digests.of_word(word) == NO_DIGESTS, word
    for some in (Digests(request=A), Digests(response=B), Digests(event=C), DIGESTS):
        assert Digests.of_word(some.word) == some
