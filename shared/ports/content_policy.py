"""The blob of the content policy."""

from __future__ import annotations

from typing import Protocol


class PolicyStore(Protocol):
    """Reads the policy's blob."""

    async def read(self, known_etag: str | None, max_bytes: int) -> tuple[bytes, str] | None:
        """The first `max_bytes` of the blob and its ETag, which is "" for an empty blob; None if
        the blob still has `known_etag`. If that is None or "", the blob is read in any case. Raises
        StorageNotFound if there is no blob, otherwise StorageError.
        """
        ...
