"""The blob of the content policy."""

from __future__ import annotations

from typing import Protocol


class PolicyStore(Protocol):
    """Reads the policy's blob."""

    async def read(self, known_etag: str | None, max_bytes: int) -> tuple[bytes, str] | None:
        """Its first `max_bytes` and its ETag, which may be ""; None if it still has the ETag that
        is known. Raises StorageNotFound if there is none, otherwise StorageError.
        """
        ...
