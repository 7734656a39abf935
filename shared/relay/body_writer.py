"""The contract of what takes one side of an exchange, and makes a capture of it."""

from __future__ import annotations

from typing import Protocol

from shared.core.records.exchange.unstored_body import UnstoredBody


class BodyWriter(Protocol):
    """The writer of one side of an exchange. Its methods are called in this order:

    1. `write` for each piece as it arrives, and at most once `put_placeholder` in between.
    2. After the last piece `compute_hash` and then `close`, or `discard` instead of both.
    3. `erase`, if nothing of the body is to remain in storage.

    `size` and `last_bytes` are right at any time, `sha256` after `compute_hash`.
    """

    @property
    def name(self) -> str:
        """The capture's name in storage."""

    @property
    def size(self) -> int:
        """Bytes written, stored or not."""

    @property
    def sha256(self) -> str | None:
        """The hash of the whole body, in hexadecimal; None: not known."""

    @property
    def unstored_body(self) -> UnstoredBody | None:
        """The body that the capture's header describes, because its bytes must not be stored; None:
        the capture holds the body.
        """

    @property
    def is_lost(self) -> bool:
        """Whether too little memory was left for the body: its capture is not stored."""

    @property
    def reached_storage(self) -> bool:
        """Whether storage may hold a part of the capture, or its placeholder."""

    def write(self, piece: bytes) -> None:
        """Add a piece, without waiting. Called for every piece of every stream: it must stay
        cheap.
        """

    def last_bytes(self, count: int) -> bytes:
        """The last `count` bytes, fewer only if fewer were written; `count` is at most
        TAIL_BYTES.
        """

    def put_placeholder(self, data: bytes) -> None:
        """Store this in the capture's place until the capture is stored. If that fails, nothing
        is there until then.
        """

    async def compute_hash(self) -> None:
        """Compute the hash of the body as far as it came, unless it is lost."""

    async def close(self, preamble: bytes) -> bool:
        """Store the capture: this header, and the body unless it must not be stored. False if it
        is lost. Raises StorageError.
        """

    def discard(self) -> None:
        """Give the capture up: nothing more of the body is stored."""

    async def erase(self) -> None:
        """Erase what storage holds of the capture. Raises StorageError."""
