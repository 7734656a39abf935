"""Small JSON objects, one blob each, in the ledger's container: checkpoints, dead letters, failure
counts, claims on usage, reports.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import ContainerClient

from shared.adapters.storage.account import StorageAccount
from shared.core.records.delivery.ledger_entries import CONTAINER
from shared.errors import StorageNotFound


class JsonBlobs:
    """Stores, reads and lists JSON objects, as a JsonStore."""

    def __init__(self, storage: StorageAccount) -> None:
        self._storage = storage

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def put(
        self, name: str, fields: Mapping[str, Any], metadata: dict[str, str] | None = None
    ) -> None:
        """`metadata` is that of the blob, which a listing returns."""
        async with self._storage.call():
            await self._container.upload_blob(
                name, json.dumps(fields).encode(), overwrite=True, metadata=metadata
            )

    async def put_if_absent(self, name: str, fields: Mapping[str, Any]) -> bool:
        async with self._storage.call():
            try:
                await self._container.upload_blob(
                    name, json.dumps(fields).encode(), overwrite=False
                )
            except ResourceExistsError:
                return False
            return True

    async def get(self, name: str) -> dict[str, Any] | None:
        try:
            async with self._storage.call():
                data = await (await self._container.download_blob(name)).readall()
            fields = json.loads(data)
        except (StorageNotFound, ValueError):
            return None
        return fields if isinstance(fields, dict) else None

    async def delete(self, name: str) -> bool:
        try:
            async with self._storage.call():
                await self._container.delete_blob(name)
        except StorageNotFound:
            return False
        return True

    async def names(self, prefix: str) -> AsyncIterator[str]:
        listing = self._container.list_blob_names(name_starts_with=prefix).by_page()
        async for page in self._storage.iterate(listing):
            async for name in page:
                yield name
