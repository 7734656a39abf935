"""Small JSON objects by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol


class JsonStore(Protocol):
    """Small JSON objects by name. Each method raises StorageError."""

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
