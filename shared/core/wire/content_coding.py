"""Decoding a body's content-encoding, piece by piece. Malformed bytes end the decoding and become a
problem; they never raise.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

# A bound against decompression bombs, far above any real answer.
MAX_DECODED_BYTES: Final = 256 * 1024 * 1024
_IDENTITY: Final = frozenset({"", "identity"})
_ZLIB: Final = frozenset({"gzip", "x-gzip", "deflate"})


class ContentDecoder:
    """Decodes one body. When `decode` has ended, `problem` says what was wrong, or is None."""

    def __init__(self, content_encoding: str) -> None:
        self._coding = content_encoding.strip().lower()
        self._remaining_bytes = MAX_DECODED_BYTES
        self.problem: str | None = None

    @property
    def is_encoded(self) -> bool:
        """The decoded bytes differ from those that came over the network."""
        return self._coding not in _IDENTITY

    def decode(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The decoded body, as far as it can be read."""
        if not self.is_encoded:
            yield from body
        elif self._coding not in _ZLIB:
            self.problem = f"its content-encoding {self._coding[:32]!r} is not one that can be read"
        else:
            yield from self._decompress(body)

    def _decompress(self, body: Iterable[bytes]) -> Iterator[bytes]:
        decompressor = None
        for piece in body:
            if not piece:
                continue
            decompressor = decompressor or zlib.decompressobj(_window_bits(self._coding, piece))
            try:
                decoded = decompressor.decompress(piece, self._remaining_bytes)
            except zlib.error as error:
                self.problem = f"its content-encoding could not be undone: {error}"
                return
            self._remaining_bytes -= len(decoded)
            yield decoded
            if self._remaining_bytes <= 0 or decompressor.unconsumed_tail:
                self.problem = f"it unfolds into more than {MAX_DECODED_BYTES} bytes"
                return


def _window_bits(coding: str, first: bytes) -> int:
    """zlib's wbits. `deflate` means the zlib format (RFC 9110, 8.4.1.2), but some servers send it
    without zlib's header.
    """
    is_raw = coding == "deflate" and first[:1] != b"\x78"
    return -zlib.MAX_WBITS if is_raw else zlib.MAX_WBITS | 32
