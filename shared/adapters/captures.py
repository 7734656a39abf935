"""Captures in Blob storage. The container is made by whoever deploys (infra/, the local stack), never here."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import ContainerClient

from shared.adapters.storage import Storage
from shared.core.capture import CONTAINER, Capture, load


class Captures:
    """Puts and gets whole captures."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        """Store a capture. Raises AzureError. A second put of the same name replaces the first: retries are harmless."""
        data = b"".join(parts)
        await self._container.upload_blob(name, data, length=len(data), overwrite=True)

    async def stage(self, name: str, block: int, data: bytes) -> None:
        """Upload a block of a capture. Raises AzureError."""
        await self._container.get_blob_client(name).stage_block(_block_id(block), data, length=len(data))

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        """Make the capture of these blocks, in this order. Raises AzureError."""
        await self._container.get_blob_client(name).commit_block_list([BlobBlock(_block_id(block)) for block in blocks])

    async def get(self, name: str | None) -> Capture | None:
        """The capture, or None where there is none. Raises AzureError or CaptureError."""
        if name is None:
            return None
        try:
            download = await self._container.download_blob(name)
            return load(await download.readall())
        except ResourceNotFoundError:
            return None

    async def probe(self) -> None:
        """Raises AzureError unless the container can be reached."""
        await self._container.get_container_properties()


def _block_id(block: int) -> str:
    return f"{block:08}"  # all ids of a blob have one length (Put Block)
