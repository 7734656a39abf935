"""The blob that holds the content policy, in the account of captures."""

from __future__ import annotations

import functools

from azure.core import MatchConditions
from azure.storage.blob.aio import BlobClient, StorageStreamDownloader

from shared.adapters.storage.account import StorageAccount
from shared.errors import StorageError


class PolicyBlob:
    """Reads the blob, as a PolicyStore. The app may not write it."""

    def __init__(self, storage: StorageAccount, name: str) -> None:
        """`name`: container and name, `policies/content.json`."""
        self._storage = storage
        self._container, _, self._name = name.partition("/")

    @functools.cached_property
    def _blob(self) -> BlobClient:
        return self._storage.blobs.get_blob_client(self._container, self._name)

    async def read(self, known_etag: str | None, max_bytes: int) -> tuple[bytes, str] | None:
        try:
            async with self._storage.call():
                download = await self._download(known_etag, max_bytes)
                return await download.readall(), download.properties.etag or ""
        except StorageError as error:
            if error.status == 304:
                return None
            if error.status == 416:  # the response to any range of an empty blob
                return b"", ""
            raise

    async def _download(
        self, known_etag: str | None, max_bytes: int
    ) -> StorageStreamDownloader[bytes]:
        if not known_etag:  # the SDK would pass a condition of None on to aiohttp
            return await self._blob.download_blob(0, max_bytes)
        return await self._blob.download_blob(
            0, max_bytes, etag=known_etag, match_condition=MatchConditions.IfModified
        )
