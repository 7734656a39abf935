"""Takes one side of an exchange whose content must not be recorded: its capture is a header alone.

Nothing of the body leaves memory, in whatever way the exchange ends.
"""

from __future__ import annotations

import asyncio

from shared.core.records.exchange.unstored_body import UnstoredBody
from shared.errors import StorageError
from shared.ports.captures import CaptureUploads
from shared.relay.capture_writer import StartUpload, put_placeholder


class DigestWriter:
    """A BodyWriter that stores no piece. It holds little, so that it is never lost."""

    is_lost = False

    def __init__(self, store: CaptureUploads, name: str, start: StartUpload) -> None:
        self.name = name
        self.unstored_body = UnstoredBody()
        # not a method of this class: a call more costs every piece of every stream
        self.write = self.unstored_body.feed
        self._store = store
        self._start = start
        self._placeholder: asyncio.Task[StorageError | None] | None = None

    @property
    def size(self) -> int:
        return self.unstored_body.size

    def last_bytes(self, count: int) -> bytes:
        return self.unstored_body.last_bytes(count)

    def put_placeholder(self, data: bytes) -> None:
        self._placeholder = self._start(put_placeholder(self._store, self.name, data))

    @property
    def sha256(self) -> str:
        return self.unstored_body.digest().sha256

    async def compute_hash(self) -> None:
        """Nothing is left to compute."""

    async def close(self, preamble: bytes) -> bool:
        """Always True: the header is never lost."""
        await self._store.put(self.name, (preamble,))
        return True

    @property
    def reached_storage(self) -> bool:
        return self._placeholder is not None

    def discard(self) -> None:
        """Nothing of the body is ever stored."""

    async def erase(self) -> None:
        if self._placeholder is not None:
            await self._placeholder
        await self._store.erase(self.name)
