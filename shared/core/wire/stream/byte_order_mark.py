"""Takes a byte order mark off the beginning of a text that comes in pieces."""

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
