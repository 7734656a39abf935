"""Undoing a body's content-encoding, piece by piece. Wrong bytes end the reading and are told, they
never raise.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

# A compressed body may not unfold into more than this: a bound against decompression bombs, far
# above any real answer.
MAX_UNFOLDED_BYTES: Final = 256 * 1024 * 1024
_IDENTITY: Final = frozenset({"", "identity"})
_ZLIB: Final = frozenset({"gzip", "x-gzip", "deflate"})


class ContentDecoder:
    """One body. `problem` says what was wrong, once `pieces` has ended."""

    def __init__(self, content_encoding: str) -> None:
        self._coding = content_encoding.strip().lower()
        self._left = MAX_UNFOLDED_BYTES
        self.problem: str | None = None

    @property
    def is_encoded(self) -> bool:
        """The unfolded bytes are not those that came over the network."""
        return self._coding not in _IDENTITY

    def decode(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The unfolded body, as far as it can be read."""
        if not self.is_encoded:
            yield from body
        elif self._coding not in _ZLIB:
            self.problem = f"its content-encoding {self._coding[:32]!r} is not one that can be read"
        else:
            yield from self._unfolded(body)

    def _unfolded(self, body: Iterable[bytes]) -> Iterator[bytes]:
        unfolder = None
        for piece in body:
            if not piece:
                continue
            unfolder = unfolder or zlib.decompressobj(_window(self._coding, piece))
            try:
                unfolded = unfolder.decompress(piece, self._left)
            except zlib.error as error:
                self.problem = f"its content-encoding could not be undone: {error}"
                return
            self._left -= len(unfolded)
            yield unfolded
            if self._left <= 0 or unfolder.unconsumed_tail:
                self.problem = f"it unfolds into more than {MAX_UNFOLDED_BYTES} bytes"
                return


def _window(coding: str, first: bytes) -> int:
    """zlib's wbits. `deflate` means the zlib format (RFC 9110, 8.4.1.2), but some send it bare."""
    bare = coding == "deflate" and first[:1] != b"\x78"
    return -zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32
