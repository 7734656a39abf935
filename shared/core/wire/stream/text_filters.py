"""Filters for the text of a stream in pieces that are cut anywhere: the byte order mark at its
beginning, and line ends, which in SSE are CR, LF or CRLF.
"""

from __future__ import annotations

from codecs import BOM_UTF8


class BomFilter:
    """Drops the UTF-8 byte order mark at the beginning of a text, cut anywhere."""

    def __init__(self) -> None:
        self._start: bytes | None = b""  # what may be the beginning of a mark; None after it

    def feed(self, piece: bytes) -> bytes:
        """The bytes of the text that this piece completes; maybe none."""
        if self._start is None:
            return piece
        start = self._start + piece
        if len(start) < len(BOM_UTF8) and BOM_UTF8.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(BOM_UTF8)

    def flush(self) -> bytes:
        """The bytes that might have become a mark. None follow."""
        start, self._start = self._start, None
        return start or b""


def to_lf(text: bytes) -> bytes:
    """The text with LF at the end of each line."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class LineEndFilter:
    """Does what `to_lf` does to a text that comes in pieces, cut anywhere."""

    def __init__(self) -> None:
        self._after_cr = False

    def feed(self, piece: bytes) -> bytes:
        """The piece with LF at the end of each line."""
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" not in piece:
            return piece
        self._after_cr = piece.endswith(b"\r")
        return to_lf(piece)
