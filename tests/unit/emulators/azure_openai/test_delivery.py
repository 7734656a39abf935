"""How the stand-in lays out a response's bytes in time and ends them."""

from __future__ import annotations

import gzip

import pytest

from emulators.azure_openai.delivery import BodyEnd, Write, lay_out, steps
from emulators.azure_openai.directives import Directives, parse

EVENTS = [b"data: one\n\n", b"data: zwei \xf0\x9f\x99\x82\n\n", b"data: [DONE]\n\n"]
WHOLE = b"".join(EVENTS)


def deliver(directives: str, body: bytes | list[bytes] = EVENTS) -> tuple[list[Write], BodyEnd]:
    """The writes and the ending of a body."""
    *writes, last = steps(body, parse(directives), compressed=False)
    assert isinstance(last, BodyEnd)
    return [write for write in writes if isinstance(write, Write)], last


def test_waits_before_the_first_and_between_the_others() -> None:
    """first_chunk_ms goes before the first piece, chunk_ms before each other one."""
    writes, ending = deliver("first_chunk_ms=300; chunk_ms=20")
    assert [(write.wait_ms, write.data) for write in writes] == [
        (300, EVENTS[0]),
        (20, EVENTS[1]),
        (20, EVENTS[2]),
    ]
    assert ending is BodyEnd.FINISH


@pytest.mark.parametrize(
    ("directives", "pieces", "ending"),
    [
        ("reset_after=2", 2, BodyEnd.RESET),
        ("reset_after=0", 0, BodyEnd.RESET),
        ("close_after=1", 1, BodyEnd.CLOSE),
        ("end_after=1", 1, BodyEnd.END),
        ("silence_after=3", 3, BodyEnd.SILENCE),
        ("reset_after=4", 3, BodyEnd.FINISH),
        ("reset_after=2; end_after=1", 1, BodyEnd.END),
    ],
)
def test_breaks_off_after_the_requested_pieces(
    directives: str, pieces: int, ending: BodyEnd
) -> None:
    """The smallest N wins; with fewer pieces than N the body ends as usual."""
    writes, last = deliver(directives)
    assert ([write.data for write in writes], last) == (EVENTS[:pieces], ending)


def test_a_document_is_one_piece_unless_it_is_to_break_off() -> None:
    """A JSON body is written at once; an interruption has ten places to happen."""
    document = b"0123456789" * 10
    assert [write.data for write in deliver("", document)[0]] == [document]
    writes, ending = deliver("reset_after=3", document)
    assert (b"".join(write.data for write in writes), ending) == (document[:30], BodyEnd.RESET)


@pytest.mark.parametrize("directives", ["byte_at_a_time", "cut=1", "cut=2", ""])
def test_layout_never_changes_the_bytes(directives: str) -> None:
    """However the body is cut, its bytes stay."""
    pieces = list(lay_out(EVENTS, parse(directives), compressed=False))
    assert b"".join(pieces) == WHOLE
    assert all(pieces)


def test_cuts_are_the_same_for_the_same_seed() -> None:
    """cut=SEED is repeatable, and another seed cuts elsewhere."""
    body = bytes(2_000)
    one, again, other = (
        list(lay_out(body, Directives(cut=seed), compressed=False)) for seed in (1, 1, 2)
    )
    assert one == again != other


def test_each_compressed_piece_can_be_read_at_once() -> None:
    """gzip flushes with every event, and the whole is a valid stream."""
    pieces = list(lay_out(EVENTS, Directives(), compressed=True))
    assert gzip.decompress(b"".join(pieces)) == WHOLE
    assert len(pieces) >= len(EVENTS)
