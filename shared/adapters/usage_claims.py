"""Claims on the usage of background responses: one small blob for each, made by the first that asks.

`usage/<SHA-256 of the response's id>` in the ledger's container, with the holder's exchange id as its content: no more of an
exchange than the ledger itself keeps, and for as long.
"""

from __future__ import annotations

import functools
import hashlib

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import ContainerClient

from shared.adapters.storage import Storage
from shared.core.ledger import CONTAINER


class UsageClaims:
    """Any number of workers may claim at once: storage decides."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @functools.cached_property
    def _container(self) -> ContainerClient:
        return self._storage.blobs.get_container_client(CONTAINER)

    async def holder(self, response_id: str, exchange_id: str) -> str:
        """The exchange that counts this response's usage: this one, unless another was first. Raises AzureError."""
        blob = self._container.get_blob_client(
            f"usage/{hashlib.sha256(response_id.encode('utf-8', 'surrogatepass')).hexdigest()}"
        )
        try:
            await blob.upload_blob(exchange_id.encode(), overwrite=False)
        except ResourceExistsError:
            return str(await (await blob.download_blob()).readall(), "utf-8")
        return exchange_id
