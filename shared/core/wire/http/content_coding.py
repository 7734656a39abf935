"""Decoding a body's content-encoding, piece by piece. Malformed bytes end the decoding and become a
problem; they never raise.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from shared.core.wire.steps import Cooperative

if TYPE_CHECKING:  # zlib has it under no public name
    from zlib import _Decompress as _Decompressor

# A bound against decompression bombs, far above any real response.
MAX_DECODED_BYTES: Final = 256 * 1024 * 1024
# A body that is decoded whole beside other exchanges: about 3 ms of CPU.
MAX_SMALL_BYTES: Final = 1024 * 1024
_MAX_PIECE_BYTES: Final = 4 * 1024 * 1024  # the most that a piece decodes into: some ms
_MAX_PIECE_MEMBERS: Final = 100
# Each member costs a copy of what follows it in its window.
MAX_MEMBERS: Final = 10_000
_WINDOW_BYTES: Final = 64 * 1024
_STEP_BYTES: Final = 4 * 1024  # decoded between two pauses, into 20 KB as a rule
_IDENTITY: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_START: Final = b"\x1f"
_ZLIB: Final = _GZIP | {"deflate"}
READABLE_CODINGS: Final = _ZLIB | _IDENTITY - {""}  # those that can be decoded, by their names


def is_identity(coding: str) -> bool:
    """Whether a content-encoding leaves a body's bytes as they are; "": there is no such header."""
    return coding.strip().lower() in _IDENTITY


class ContentDecoder:
    """Decodes one body. When `decode` has ended, `problem` says what was wrong, or is None."""

    def __init__(self, content_encoding: str, max_bytes: int = MAX_DECODED_BYTES) -> None:
        """`max_bytes` is how many decoded bytes there may be."""
        self._coding = content_encoding.strip().lower()
        self._max_bytes = self._remaining_bytes = max_bytes
        self._members = 0
        self.problem: str | None = None
        # The coding's own end is not in the body.
        self.is_cut_short = False
        # The decoded beginning is right: the problem is at the end of the body.
        self.is_right_so_far = False

    @property
    def is_encoded(self) -> bool:
        """The decoded bytes differ from those that came over the network."""
        return self._coding not in _IDENTITY

    @property
    def is_known(self) -> bool:
        """The body can be decoded."""
        return self._coding in _IDENTITY | _ZLIB

    def decode(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The decoded body, as far as it can be read."""
        if not self.is_encoded:
            yield from body
        elif self._coding not in _ZLIB:
            self.problem = f"its content-encoding {self._coding[:32]!r} is not one that can be read"
        else:
            yield from self._decompress(body)

    def _decompress(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Decompress every member: a gzip file may have several (RFC 1952, 2.2), one after another,
        and may be padded with zeros.
        """
        decompressor = None
        for window in _windows(body):
            rest = window if decompressor is None else self._without_padding(window, decompressor)
            while rest:
                if decompressor is None or decompressor.eof:
                    decompressor = self._member(rest)
                try:
                    decoded = decompressor.decompress(rest, self._remaining_bytes)
                except zlib.error as error:
                    self.problem = f"its content-encoding could not be undone: {error}"
                    return
                self._remaining_bytes -= len(decoded)
                yield decoded
                if self._remaining_bytes <= 0 or decompressor.unconsumed_tail:
                    self.problem = f"it unfolds into more than {self._max_bytes} bytes"
                    return
                rest = self._without_padding(decompressor.unused_data, decompressor)
            if self.problem is not None:
                return
        if decompressor is not None and not decompressor.eof:
            self.is_cut_short = self.is_right_so_far = True
            self.problem = f"its content-encoding {self._coding} is cut short"

    def _member(self, first: bytes) -> _Decompressor:
        self._members += 1
        return zlib.decompressobj(_window_bits(self._coding, first))

    def _without_padding(self, rest: bytes, decompressor: _Decompressor) -> bytes:
        """The bytes still to decompress: after the end of a member they begin the next one, which
        only gzip has.
        """
        if not decompressor.eof:
            return rest
        rest = rest.lstrip(b"\0")
        if rest and (not _begins_member(self._coding, rest) or self._members >= MAX_MEMBERS):
            self.is_right_so_far = True
            self.problem = f"bytes follow the end of its content-encoding {self._coding}"
            return b""
        return rest


def decode_small(
    body: bytes | bytearray, content_encoding: str, max_bytes: int
) -> Cooperative[bytes | None]:
    """The decoded body, with pauses; None if it cannot be decoded whole, or has more bytes."""
    if len(body) > max_bytes:
        return None
    decoder, decoded = ContentDecoder(content_encoding, max_bytes), bytearray()
    view = memoryview(body)
    starts = range(0, len(body), _STEP_BYTES)
    for piece in decoder.decode(bytes(view[start : start + _STEP_BYTES]) for start in starts):
        decoded += piece
        yield
    return bytes(decoded) if decoder.problem is None else None


class PieceDecoder:
    """Decodes the pieces of a body one by one, as they come."""

    def __init__(self, content_encoding: str) -> None:
        self._coding = content_encoding.strip().lower()
        self._decompressor: _Decompressor | None = None

    @property
    def is_at_end(self) -> bool:
        """Whether the body may end here: the coding's own end has come."""
        if self._coding in _IDENTITY:
            return True
        return self._decompressor is not None and self._decompressor.eof

    def feed(self, piece: bytes) -> bytes | None:
        """The decoded piece; None if it cannot be decoded, or decodes into too much. What follows
        the coding's end is dropped.
        """
        if self._coding in _IDENTITY:
            return piece
        decoded, rest = bytearray(), self._without_padding(piece)
        members = 0
        try:
            while rest:
                if self._decompressor is None or self._decompressor.eof:
                    self._decompressor = zlib.decompressobj(_window_bits(self._coding, rest))
                    members += 1
                # one byte more than there may be; 0 would mean any number
                decoded += self._decompressor.decompress(rest, _MAX_PIECE_BYTES - len(decoded) + 1)
                if len(decoded) > _MAX_PIECE_BYTES or members > _MAX_PIECE_MEMBERS:
                    return None
                rest = self._without_padding(self._decompressor.unused_data)
        except zlib.error:
            return None
        return bytes(decoded)

    def _without_padding(self, rest: bytes) -> bytes:
        """The bytes still to decode: after the end of a member they begin the next one."""
        if self._decompressor is None or not self._decompressor.eof:
            return rest
        rest = rest.lstrip(b"\0")
        return rest if _begins_member(self._coding, rest) else b""


def _begins_member(coding: str, rest: bytes) -> bool:
    """Whether what follows the end of a member begins another one, which only gzip has."""
    return coding in _GZIP and rest[:1] == _GZIP_START


def _windows(body: Iterable[bytes]) -> Iterator[bytes]:
    for piece in body:
        for start in range(0, len(piece), _WINDOW_BYTES):
            yield piece[start : start + _WINDOW_BYTES]


def _window_bits(coding: str, first: bytes) -> int:
    """zlib's wbits. `deflate` means the zlib format (RFC 9110, 8.4.1.2), but some servers send it
    without zlib's header.
    """
    is_raw = coding == "deflate" and first[:1] != b"\x78"
    return -zlib.MAX_WBITS if is_raw else zlib.MAX_WBITS | 32
