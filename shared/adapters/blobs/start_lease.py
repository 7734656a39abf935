"""A lease on one blob in the ledger's container: over all instances, one holder at a time has it.

Storage ends it by itself after a while, so that a dead holder does not block others.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import uuid
from collections.abc import AsyncIterator
from typing import Final

from azure.storage.blob.aio import BlobClient, BlobLeaseClient

from shared.adapters.storage.account import StorageAccount
from shared.core.records.delivery.ledger_entries import CONTAINER
from shared.errors import StorageError, StorageNotFound
from shared.settings.timeouts import START_LEASE_S, START_S

_HELD: Final = frozenset({409, 412})  # LeaseAlreadyPresent, LeaseIdMissing


class StartLease:
    """The right to start something, as a StartLock."""

    def __init__(self, storage: StorageAccount, name: str, *, timeout_s: float = START_S) -> None:
        """`name`: of the blob. `timeout_s` is less than the lease lasts."""
        self._storage = storage
        self._name = name
        self._timeout_s = timeout_s

    @functools.cached_property
    def _blob(self) -> BlobClient:
        return self._storage.blobs.get_blob_client(CONTAINER, self._name)

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[bool]:
        """After a body that took too long the lease is not released, but ends by itself: the start
        may still be under way.
        """
        # The id is chosen here, so that acquiring it again after a lost response succeeds.
        lease = BlobLeaseClient(self._blob, str(uuid.uuid4()))
        is_holder = False
        timeout = asyncio.timeout(self._timeout_s)
        try:
            async with timeout:
                is_holder = await self._acquire(lease)
                yield is_holder
        except TimeoutError:
            if not timeout.expired():
                raise
            raise StorageError(f"nothing was started within {self._timeout_s:g} s") from None
        finally:
            if is_holder and not timeout.expired():
                with contextlib.suppress(StorageError):  # it ends by itself
                    async with self._storage.call():
                        await lease.release()

    async def _acquire(self, lease: BlobLeaseClient) -> bool:
        try:
            try:
                async with self._storage.call():
                    await lease.acquire(START_LEASE_S)
            except StorageNotFound:
                async with self._storage.call():
                    await self._blob.upload_blob(b"", overwrite=False)
                async with self._storage.call():
                    await lease.acquire(START_LEASE_S)
        except StorageError as error:
            if error.status in _HELD:  # or another worker created the blob meanwhile
                return False
            raise
        return True
