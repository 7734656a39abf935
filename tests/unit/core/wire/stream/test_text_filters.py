"""The byte order mark and the line ends of a text, in pieces that are cut anywhere."""

from __future__ import annotations

from codecs import BOM_UTF8

import pytest

from harness.cutting import every_way
from shared.core.wire.stream.text_filters import BomFilter, LineEndFilter, to_lf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b""),
        (b"data: a\n\n", b"data: a\n\n"),
        (BOM_UTF8, b""),
        (BOM_UTF8 + b"data: a\n\n", b"data: a\n\n"),
        (BOM_UTF8 * 2 + b"a", BOM_UTF8 + b"a"),
        (b"a" + BOM_UTF8, b"a" + BOM_UTF8),
        (BOM_UTF8[:2], BOM_UTF8[:2]),
        (BOM_UTF8[:2] + b"a", BOM_UTF8[:2] + b"a"),
    ],
)
def test_only_the_first_mark_is_dropped(text: bytes, expected: bytes) -> None:
    for pieces in every_way(text):
        bom_filter = BomFilter()
        assert b"".join(map(bom_filter.feed, pieces)) + bom_filter.flush() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b""),
        (b"a\nb\n\n", b"a\nb\n\n"),
        (b"a\r\nb\r\n\r\n", b"a\nb\n\n"),
        (b"a\rb\r\r", b"a\nb\n\n"),
        (b"a\n\rb\r\r\n", b"a\n\nb\n\n"),
        (b"\n", b"\n"),
    ],
)
def test_each_line_ends_in_lf(text: bytes, expected: bytes) -> None:
    assert to_lf(text) == expected
    for pieces in every_way(text):
        line_ends = LineEndFilter()
        assert b"".join(map(line_ends.feed, pieces)) == expected
