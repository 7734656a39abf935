"""The append blobs in which the ledger keeps the entries of a window."""

from __future__ import annotations

from collections.abc import AsyncIterator

from shared.adapters.storage.account import StorageAccount
from shared.core.records.delivery.ledger import CONTAINER


async def entry_blobs(
    storage: StorageAccount, window: str
) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
    """Name and content of each blob of a window's entries; the content comes in pieces of up to
    4 MB, cut anywhere. Raises StorageError.
    """
    container = storage.blobs.get_container_client(CONTAINER)
    listing = container.list_blob_names(name_starts_with=f"entries/{window}/").by_page()
    async for page in storage.iterate(listing):
        async for name in page:
            async with storage.call():
                download = await container.download_blob(name)
            yield name, storage.iterate(download.chunks())
