"""A store whose calls wait until a test lets them go on, and a capture that is written to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from shared.errors import StorageError
from shared.relay.capture_writer import Upload


class GatedStore:
    """Stores blocks and blobs in memory; a blob's blocks follow the order of the list, as in blob
    storage. Calls wait while `open` is clear.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.blocks: dict[int, bytes] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.failing: set[str] = set()

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        await self._pass("put")
        self.blobs[name] = b"".join(parts)

    async def put_if_absent(self, name: str, data: bytes) -> None:
        await self._pass("put if absent")
        self.blocks.clear()
        self.blobs.setdefault(name, data)

    async def erase(self, name: str) -> bool:
        await self._pass("erase")
        self.blocks.clear()
        return self.blobs.pop(name, None) is not None

    async def stage(self, name: str, block: int, data: bytes) -> None:
        await self._pass(f"stage {block}")
        self.blocks[block] = data

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        await self._pass("commit")
        self.blobs[name] = b"".join(self.blocks[block] for block in blocks)

    async def begins_with(self, name: str, data: bytes) -> bool:
        return self.blobs.get(name, b"").startswith(data)

    async def _pass(self, what: str) -> None:
        await self.open.wait()
        if what in self.failing:
            raise StorageError(what)


def start(upload: Upload) -> asyncio.Task[StorageError | None]:
    return asyncio.create_task(upload)
