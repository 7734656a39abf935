"""The blobs beside the captures: JSON objects, the content policy, claims on usage and a lock. Each
method raises StorageError.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from shared.core.event.usage_claim import Claim


class JsonStore(Protocol):
    """Small JSON objects by name."""

    async def get(self, name: str) -> dict[str, Any] | None:
        """The object; None if there is none, or if the stored text is not a JSON object."""
        ...

    async def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Store an object in place of an earlier one."""
        ...

    async def put_if_absent(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Store an object; False if there is one already."""
        ...

    async def delete(self, name: str) -> bool:
        """Delete an object; False if there is none."""
        ...

    def names(self, prefix: str) -> AsyncIterator[str]:
        """The names with that prefix, in their order."""
        ...


class PolicyStore(Protocol):
    """Reads the policy's blob."""

    async def read(self, known_etag: str | None, max_bytes: int) -> tuple[bytes, str] | None:
        """The first `max_bytes` of the blob and its ETag, which is "" for an empty blob; None if
        the blob still has `known_etag`. If that is None or "", the blob is read in any case. Raises
        StorageNotFound if there is no blob.
        """
        ...


class UsageClaimStore(Protocol):
    """Decides which exchange counts the usage of a background response."""

    async def claim(self, response_id: str, exchange_id: str) -> Claim:
        """The claim on a response's usage, the exchange's own or an earlier one. The holder of an
        earlier one is "" if it was released meanwhile or cannot be read: it counts as another
        exchange's.
        """
        ...

    async def holder(self, response_id: str) -> str | None:
        """The exchange that claimed a response's usage; None if none did, or if the claim cannot be
        read.
        """
        ...

    async def release(self, claim: Claim) -> None:
        """Give a claim up: the next exchange that claims this usage holds it."""
        ...


class StartLock(Protocol):
    """Lets one starter in at a time, over all instances."""

    def hold(self) -> AbstractAsyncContextManager[bool]:
        """A context whose value says whether this caller holds the lock.

        Raises StorageError also if the body takes longer than the lock can be held. The body is
        then cancelled. What it started may still be carried out, and the next holder must see it.
        """
        ...
