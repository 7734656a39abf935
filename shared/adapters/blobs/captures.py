"""Captures in Blob storage. The deployment creates the container (infra/, the local stack), never
the app.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, cast

from azure.core.async_paging import AsyncPageIterator
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import ContainerClient

from shared.adapters.storage.account import StorageAccount
from shared.adapters.storage.direct_storage import BlobRange
from shared.core.records.exchange.capture import (
    CONTAINER,
    CaptureStream,
    ReadableCapture,
    body_offset,
    is_erased,
    load,
    load_header,
    without_body,
)
from shared.errors import StorageError, StorageNotFound

# What is read first of a capture: more than its header ever takes, unless headers are copied.
_HEADER_BYTES: Final = 16 * 1024
PIECE_BYTES: Final = 4 * 1024 * 1024  # what is read at once
_DIRECT_BYTES: Final = 1024 * 1024  # a larger capture is worth the SDK's pipeline


class Captures:
    """Stores, reads and lists captures: the ports of shared/ports/captures.py."""

    def __init__(self, storage: StorageAccount) -> None:
        self._storage = storage

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        data = b"".join(parts)
        if len(data) <= _DIRECT_BYTES:
            await self._storage.direct.put_blob(f"{CONTAINER}/{name}", data)
            return
        async with self._storage.call():
            await self._container.upload_blob(name, data, length=len(data), overwrite=True)

    async def put_if_absent(self, name: str, data: bytes) -> None:
        async with self._storage.call():
            with contextlib.suppress(ResourceExistsError):
                await self._container.upload_blob(name, data, length=len(data), overwrite=False)

    async def stage(self, name: str, block: int, data: bytes) -> None:
        async with self._storage.call():
            await self._container.get_blob_client(name).stage_block(
                _block_id(block), data, length=len(data)
            )

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        async with self._storage.call():
            await self._container.get_blob_client(name).commit_block_list(
                [BlobBlock(_block_id(block)) for block in blocks]
            )

    async def get(self, name: str | None) -> ReadableCapture | None:
        """A capture of more than `PIECE_BYTES` becomes a CaptureStream."""
        if name is None:
            return None
        try:
            first = await self._storage.direct.get_range(f"{CONTAINER}/{name}", 0, PIECE_BYTES)
        except StorageNotFound:
            return None
        if first.blob_bytes <= len(first.data):
            return load(first.data)
        body_at = body_offset(first.data)
        return CaptureStream(
            header=load_header(first.data),
            body_bytes=first.blob_bytes - body_at,
            pieces=functools.partial(self._body_pieces, name, first, body_at),
        )

    async def _body_pieces(self, name: str, first: BlobRange, body_at: int) -> AsyncIterator[bytes]:
        """The body of a capture whose first piece was read. Raises StorageError."""
        yield first.data[body_at:]
        read_bytes = len(first.data)
        while read_bytes < first.blob_bytes:
            piece = await self._storage.direct.get_range(
                f"{CONTAINER}/{name}", read_bytes, PIECE_BYTES, first.etag
            )
            if not piece.data:
                raise StorageError("storage sent no more of a capture")
            yield piece.data
            read_bytes += len(piece.data)

    async def header(self, name: str) -> dict[str, Any]:
        path = f"{CONTAINER}/{name}"
        beginning = await self._storage.direct.get_beginning(path, _HEADER_BYTES)
        body_at = body_offset(beginning)
        if body_at > len(beginning):
            beginning = await self._storage.direct.get_beginning(path, body_at)
        return load_header(beginning)

    async def pages(self, prefix: str) -> AsyncIterator[list[str]]:
        """Pages of up to 5,000 names, storage's limit."""
        listing = self._container.list_blob_names(name_starts_with=prefix).by_page()
        async for page in self._storage.iterate(listing):
            yield [name async for name in page]

    async def page(
        self, prefix: str, marker: str | None, count: int
    ) -> tuple[list[str], str | None]:
        listing = self._container.list_blob_names(name_starts_with=prefix, results_per_page=count)
        pages = cast(AsyncPageIterator[str], listing.by_page(continuation_token=marker))
        async with self._storage.call():
            names = [name async for name in await anext(pages)]
        return names, pages.continuation_token or None

    async def exists(self, name: str) -> bool:
        try:
            await self._storage.direct.get_beginning(f"{CONTAINER}/{name}", 1)
        except StorageNotFound:
            return False
        return True

    async def begins_with(self, name: str, data: bytes) -> bool:
        try:
            path = f"{CONTAINER}/{name}"
            return await self._storage.direct.get_beginning(path, len(data)) == data
        except StorageNotFound:
            return False

    async def staged_blocks(self, name: str) -> frozenset[int]:
        return (await self._read_staged_blocks(name)) or frozenset()

    async def is_stored(self, name: str) -> bool:
        return await self._read_staged_blocks(name) is not None

    async def erase(self, name: str) -> bool:
        staged = await self._read_staged_blocks(name)
        if staged is None:
            return False
        blob = self._container.get_blob_client(name)
        async with self._storage.call():
            if staged:  # a deletion leaves them (or finds no blob), a put discards them
                await blob.upload_blob(b"", length=0, overwrite=True)
        try:
            async with self._storage.call():
                await blob.delete_blob(delete_snapshots="include")
        except StorageNotFound:
            return False
        return True

    async def erase_body(self, name: str) -> None:
        with contextlib.suppress(StorageNotFound):
            header = await self.header(name)
            if not is_erased(header):
                await self.put(name, (without_body(header),))

    async def _read_staged_blocks(self, name: str) -> frozenset[int] | None:
        """None if there is neither a capture nor a block."""
        try:
            async with self._storage.call():
                _, blocks = await self._container.get_blob_client(name).get_block_list("all")
        except StorageNotFound:
            return None
        return frozenset(int(block.id) for block in blocks)

    async def probe(self) -> None:
        """Raises StorageError unless the container can be reached."""
        async with self._storage.call():
            await self._container.get_container_properties()


def _block_id(block: int) -> str:
    return f"{block:08}"  # all ids of a blob have one length (Put Block)
