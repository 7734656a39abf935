"""A lease on one blob in the ledger's container, which one holder at a time has, over all
instances.

Storage ends it by itself after a while, so that a dead holder does not block others.
"""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import AsyncIterator
from typing import Final

from azure.storage.blob.aio import BlobClient, BlobLeaseClient

from shared.adapters.storage import Storage
from shared.core.records.ledger_entry import CONTAINER
from shared.errors import StorageError, StorageNotFound

DURATION_S: Final = 30  # of 15 to 60 (Lease Blob): longer than a start of an orchestration takes
_HELD: Final = frozenset({409, 412})  # LeaseAlreadyPresent, LeaseIdMissing


class StartLease:
    """The right to start something. Every method raises StorageError."""

    def __init__(self, storage: Storage, name: str) -> None:
        """`name`: of the blob."""
        self._storage = storage
        self._name = name

    @functools.cached_property
    def _blob(self) -> BlobClient:
        return self._storage.blobs.get_blob_client(CONTAINER, self._name)

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[bool]:
        """Within it, whether this caller holds the lease; False if another does."""
        # The id is chosen here, so that acquiring it again after a lost answer succeeds.
        lease = BlobLeaseClient(self._blob, str(uuid.uuid4()))
        is_holder = await self._acquire(lease)
        try:
            yield is_holder
        finally:
            if is_holder:
                with contextlib.suppress(StorageError):  # it ends by itself
                    async with self._storage.call():
                        await lease.release()

    async def _acquire(self, lease: BlobLeaseClient) -> bool:
        try:
            try:
                async with self._storage.call():
                    await lease.acquire(DURATION_S)
            except StorageNotFound:
                async with self._storage.call():
                    await self._blob.upload_blob(b"", overwrite=False)
                async with self._storage.call():
                    await lease.acquire(DURATION_S)
        except StorageError as error:
            if error.status in _HELD:  # also where another created the blob meanwhile
                return False
            raise
        return True
