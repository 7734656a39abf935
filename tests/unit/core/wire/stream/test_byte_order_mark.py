"""The byte order mark at the beginning of a text, in pieces that are cut anywhere."""

from __future__ import annotations

from codecs import BOM_UTF8

import pytest

from harness.cutting import every_way
from shared.core.wire.stream.byte_order_mark import BomFilter


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
