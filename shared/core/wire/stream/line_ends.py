"""Turns the line ends of SSE, which are CR, LF or CRLF, into LF."""

from __future__ import annotations


def to_lf(text: bytes) -> bytes:
    """The text with LF at the end of each line."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class LineEnds:
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
