"""Writes one side of an exchange to its capture as it arrives.

A small body is held and stored with one call at the end. A large one is uploaded in blocks while
the exchange runs, so that an exchange holds no more than a few blocks, whatever its size. The
capture's header is only known at the end. Since the order of a block blob is that of its block
list, the header's block is uploaded last and listed first.

A body that takes its time can be announced to storage: a placeholder takes the capture's place
until the capture is stored.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from shared.core.wire.stream.tail import TAIL_BYTES
from shared.errors import StorageError
from shared.ports.captures import CaptureUploads
from shared.relay.body_memory import CaptureMemory

BLOCK_BYTES: Final = 4 * 1024 * 1024
# If the memory is half full, so that many slow exchanges do not use it up and cost others their
# captures. More calls of storage, and still few for each byte.
SMALL_BLOCK_BYTES: Final = 256 * 1024
_IN_PLACE_BYTES: Final = 64 * 1024  # a thread costs more than to hash these

# An upload that failed ends with its error; the caller may have stopped waiting for it.
type Upload = Coroutine[Any, Any, StorageError | None]
type StartUpload = Callable[[Upload], asyncio.Task[StorageError | None]]


async def put_placeholder(store: CaptureUploads, name: str, data: bytes) -> StorageError | None:
    """Store a placeholder in a capture's place; returns the error if that fails."""
    try:
        # The put that stores a small capture does not wait for this one.
        await store.put_if_absent(name, data)
    except StorageError as error:
        return error
    return None


class CaptureWriter:
    """A BodyWriter that stores the body. If the memory's limit is reached the capture is lost, and
    counted: a slow store must neither slow a stream nor fill the worker.

    A large body while it arrives, and the fields that have its bytes:

        |  block 1  |  block 2  |  block 3  |  the last bytes  |
        |------------ _uploads -------------|------ _held -----|
                               |-- _before -|

    Its capture in storage, in the order of the block list:

        |  block 0: header  |  block 1  |  block 2  |  block 3  |  block 4: the rest  |
    """

    unstored_body = None  # the capture holds the body

    def __init__(
        self,
        store: CaptureUploads,
        name: str,
        memory: CaptureMemory,
        start: StartUpload,
        *,
        small_blocks: bool = False,
    ) -> None:
        """`small_blocks`: upload early while memory is short. Not if a placeholder may come after
        that: its put discards the blocks that are uploaded by then.
        """
        self.name = name
        self.size = 0  # bytes written, lost or not
        self.is_lost = False  # the memory's limit was reached
        self.sha256: str | None = None  # of the whole body, in hexadecimal; None: not known (yet)
        self._store = store
        self._memory = memory
        self._start = start
        self._least_block_bytes = SMALL_BLOCK_BYTES if small_blocks else BLOCK_BYTES
        # One growing buffer: a list of pieces of a few bytes would take many times their size.
        self._held = bytearray()
        self._before = b""  # the end of what is no longer held, for `last_bytes`
        self._placeholder: asyncio.Task[StorageError | None] | None = None
        self._uploads: list[asyncio.Task[StorageError | None]] = []
        self._hash = _BodyHash()

    def write(self, piece: bytes) -> None:
        count = len(piece)
        self.size += count
        if self.is_lost:
            self._before = (self._before + piece)[-TAIL_BYTES:]
            return
        # not a method of CaptureMemory: a call more costs every piece of every stream
        memory = self._memory
        used_bytes = memory.used_bytes + count
        if used_bytes > memory.limit_bytes:
            self._before = (self.last_bytes(TAIL_BYTES) + piece)[-TAIL_BYTES:]
            self.is_lost = True
            self._drop_held()
            return
        memory.used_bytes = used_bytes
        self._held += piece
        if len(self._held) >= self._least_block_bytes and self._is_block_due():
            self._upload_held()

    def put_placeholder(self, data: bytes) -> None:
        self._placeholder = self._start(put_placeholder(self._store, self.name, data))
        self._least_block_bytes = SMALL_BLOCK_BYTES

    def last_bytes(self, count: int) -> bytes:
        if not count:
            return b""
        end = bytes(self._held[-count:])
        return end if len(end) == count else (self._before + end)[-count:]

    async def compute_hash(self) -> None:
        if self.is_lost:
            return
        self._hash.add(bytes(self._held))
        await self._hash.update()
        self.sha256 = self._hash.hexdigest()

    async def close(self, preamble: bytes) -> bool:
        """Everything is given back to the memory, whatever happens. The uploads of a lost capture
        are not waited for: each gives its bytes back when it ends. Afterwards they are erased.
        """
        try:
            if self.is_lost:
                if self._uploads:
                    self._start(self._erase_hidden())
                return False
            if not self._uploads:
                await self._store.put(self.name, (preamble, bytes(self._held)))
                return True
            self._upload_held()
            for error in await asyncio.gather(*self._uploads):
                if error is not None:
                    raise error
            await self._store.stage(self.name, 0, preamble)
            await self._store.commit(self.name, range(len(self._uploads) + 1))
            return True
        finally:
            self._drop_held()

    @property
    def reached_storage(self) -> bool:
        return bool(self._uploads or self._placeholder)

    def discard(self) -> None:
        self._drop_held()

    async def erase(self) -> None:
        await asyncio.gather(*([self._placeholder] if self._placeholder else ()), *self._uploads)
        await self._store.erase(self.name)

    def _is_block_due(self) -> bool:
        return len(self._held) >= BLOCK_BYTES or self._memory.is_short

    def _upload_held(self) -> None:
        if not self._held:
            return
        data = bytes(self._held)
        self._before = (self._before + data[-TAIL_BYTES:])[-TAIL_BYTES:]
        self._held = bytearray()
        if self.sha256 is None:
            self._hash.add(data)
        self._uploads.append(self._start(self._upload(len(self._uploads) + 1, data)))

    async def _upload(self, block: int, data: bytes) -> StorageError | None:
        try:
            await self._hash.update()
            if self._placeholder is not None:
                await self._placeholder  # a put discards the blocks that were uploaded before
            await self._store.stage(self.name, block, data)
        except StorageError as error:
            return error
        finally:
            self._memory.release(len(data))
        return None

    async def _erase_hidden(self) -> StorageError | None:
        """Erase the blocks of a lost capture, unless a placeholder shows that they are there."""
        try:
            if self._placeholder is None or await self._placeholder is not None:
                await self.erase()
        except StorageError as error:
            return error
        return None

    def _drop_held(self) -> None:
        self._memory.release(len(self._held))
        self._held = bytearray()


class _BodyHash:
    """SHA-256 of a body, which takes the blocks in their order.

    Nothing is hashed while the relay moves a chunk: small bodies are hashed once they have ended,
    long ones a block at a time, in a thread. (20 KB take 10 us, a block of 4 MB takes 2 ms.)
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._blocks: deque[bytes] = deque()  # not hashed yet
        self._hashing = asyncio.Lock()

    def add(self, block: bytes) -> None:
        """Add a block, to be hashed by the next `update`."""
        self._blocks.append(block)

    async def update(self) -> None:
        """Hash all blocks that were added."""
        async with self._hashing:
            while self._blocks:
                block = self._blocks.popleft()
                if len(block) <= _IN_PLACE_BYTES:
                    self._hash.update(block)
                else:
                    await asyncio.to_thread(self._hash.update, block)

    def hexdigest(self) -> str:
        """The hash of the blocks that were hashed."""
        return self._hash.hexdigest()
