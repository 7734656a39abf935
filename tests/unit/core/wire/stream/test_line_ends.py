"""Line ends of SSE, in pieces that are cut anywhere."""

from __future__ import annotations

import pytest

from harness.cutting import every_way
from shared.core.wire.stream.line_ends import LineEnds, to_lf


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
        line_ends = LineEnds()
        assert b"".join(map(line_ends.feed, pieces)) == expected
