"""Decoding a body's content coding: gzip in one member or several, whole or cut short."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cutting import every_way
from shared.core.wire.http import content_coding
from shared.core.wire.http.content_coding import ContentDecoder, PieceDecoder, decode_small
from shared.core.wire.steps import run_to_end

TEXT = b'{"choices": [{"index": 0}]}'


def decode(coding: str, body: bytes) -> tuple[bytes, str | None]:
    decoder = ContentDecoder(coding)
    return b"".join(decoder.decode((body,))), decoder.problem


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.integers(0, 3))
def test_the_members_of_a_gzip_body_are_one_text(texts: list[bytes], padding: int) -> None:
    """Concatenated files are decoded so, however the network cuts them. Zeros may pad the
    last one.
    """
    body = b"".join(map(gzip.compress, texts)) + bytes(padding)
    for pieces in every_way(body):
        decoder = ContentDecoder("gzip")
        assert b"".join(decoder.decode(pieces)) == b"".join(texts)
        assert decoder.problem is None


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
@pytest.mark.parametrize("missing", [1, 4, 8])
def test_a_cut_coding_gives_a_part_and_a_problem(coding: str, missing: int) -> None:
    """Every byte of the text may be there: the end of the coding, with its checksum, is not."""
    body = zlib.compress(TEXT) if coding == "deflate" else gzip.compress(TEXT)
    decoder = ContentDecoder(coding)
    text = b"".join(decoder.decode((body[:-missing],)))
    assert TEXT.startswith(text)
    assert decoder.is_cut_short
    assert decoder.problem == f"its content-encoding {coding} is cut short"


def test_a_cut_second_member_is_a_problem() -> None:
    """The whole member before it is decoded."""
    text, problem = decode("gzip", gzip.compress(b"one ") + gzip.compress(b"two")[:-8])
    assert text == b"one two"
    assert problem == "its content-encoding gzip is cut short"


def test_what_follows_the_end_and_is_not_a_member_is_a_problem() -> None:
    """The text before it is right."""
    for coding, body in (("gzip", gzip.compress(TEXT)), ("deflate", zlib.compress(TEXT))):
        for pieces in every_way(body + b"rubbish"):
            decoder = ContentDecoder(coding)
            assert b"".join(decoder.decode(pieces)) == TEXT
            assert decoder.problem == f"bytes follow the end of its content-encoding {coding}"
            assert decoder.is_right_so_far


def test_of_what_is_damaged_nothing_counts_as_right() -> None:
    body = bytearray(gzip.compress(TEXT * 50))
    body[20] ^= 0xFF
    decoder = ContentDecoder("gzip")
    b"".join(decoder.decode((bytes(body),)))
    assert "could not be undone" in (decoder.problem or "")
    assert not decoder.is_right_so_far


def test_more_members_than_any_server_sends_are_a_problem() -> None:
    """Each costs time, and a body of a MB can hold fifty thousand."""
    text, problem = decode("gzip", gzip.compress(b"") * (content_coding.MAX_MEMBERS + 1))
    assert text == b""
    assert problem is not None


def test_an_empty_body_has_no_problem() -> None:
    assert decode("gzip", b"") == (b"", None)


@pytest.mark.parametrize(
    ("body", "coding", "text"),
    [
        (gzip.compress(TEXT, mtime=0), "gzip", TEXT),
        (zlib.compress(TEXT), "deflate", TEXT),
        (gzip.compress(TEXT, mtime=0)[:-8], "gzip", None),
        (TEXT, "gzip", None),
        (TEXT, "br", None),
        (gzip.compress(bytes(2000), mtime=0), "gzip", None),
        (bytes(2000), "gzip", None),
    ],
    # names: an id of gzip's bytes would hold the time, and differ between the workers
    ids=["gzip", "deflate", "cut", "plain", "unknown coding", "too large", "zeros"],
)
def test_a_small_body_is_decoded_whole_or_not_at_all(
    body: bytes, coding: str, text: bytes | None
) -> None:
    """A request that the relay examines must not cost it more than the bound allows."""
    assert run_to_end(decode_small(body, coding, 1000)) == text


def test_a_coded_body_of_which_nothing_came_is_not_at_its_end() -> None:
    assert not PieceDecoder("gzip").is_at_end
    assert PieceDecoder("").is_at_end


def test_the_members_of_a_piece_decode_into_no_more_than_one_may() -> None:
    """A member of nothing costs as much as one of something."""
    large = gzip.compress(b"\0" * (4 * 1024 * 1024), mtime=0)
    assert PieceDecoder("gzip").feed(large * 5) is None
    assert PieceDecoder("gzip").feed(gzip.compress(b"", mtime=0) * 1000) is None
