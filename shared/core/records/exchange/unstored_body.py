"""A body that must not be stored: its size, its hash, and, in memory, its beginning and its end."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Final

from shared.core.records.exchange.capture import BodyDigest
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.stream.tail import TAIL_BYTES

# A body of at most this size is kept whole until its exchange has ended. A longer one is hashed in
# pieces of this size: calling the hash function for each chunk of a stream would cost more than the
# hashing.
WHOLE_BYTES: Final = 64 * 1024
FIRST_BYTES: Final = 16 * 1024  # what is kept of a longer body's beginning


class UnstoredBody:
    """Takes the pieces of one body."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()
        self._buffer = bytearray()  # not hashed yet
        self._first = b""  # the beginning, after it has left the buffer
        self._before = b""  # the bytes before the buffer, as many as `last_bytes` needs

    def feed(self, piece: bytes) -> None:
        """Add a piece. Called for every piece of every stream: it must stay cheap."""
        self.size += len(piece)
        self._buffer += piece
        if len(self._buffer) > WHOLE_BYTES:
            self._fold()

    def last_bytes(self, count: int) -> bytes:
        """The last `count` bytes, fewer only if fewer were fed; `count` is at most TAIL_BYTES."""
        return (self._before + self._buffer[-TAIL_BYTES:])[-count:] if count else b""

    @property
    def whole(self) -> bytes | None:
        """The body; None if it is longer than WHOLE_BYTES."""
        return bytes(self._buffer) if len(self._buffer) == self.size else None

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """The beginning and the end of a body that is longer than WHOLE_BYTES."""
        return self._first, self.last_bytes(TAIL_BYTES)

    def digest(self) -> BodyDigest:
        """Size and hash of the pieces so far."""
        state = self._hash.copy()
        state.update(self._buffer)
        return BodyDigest(bytes=self.size, sha256=state.hexdigest())

    def header_members(self) -> JsonObject:
        """The members of a capture's header that stand for the body: its size and its hash."""
        return {"body": asdict(self.digest())}

    def _fold(self) -> None:
        """Hash the buffer, and keep its beginning and its end alone."""
        self._hash.update(self._buffer)
        self._first = self._first or bytes(self._buffer[:FIRST_BYTES])
        self._before = (self._before + self._buffer[-TAIL_BYTES:])[-TAIL_BYTES:]
        self._buffer = bytearray()
