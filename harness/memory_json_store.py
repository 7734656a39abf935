"""A JsonStore in memory, in place of the blobs."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping
from typing import Any


class MemoryJsonStore:
    """Stores copies of JSON objects, as `shared.ports.blobs.JsonStore`."""

    def __init__(self, objects: Mapping[str, dict[str, Any]] | None = None) -> None:
        """`objects`: by name, those that are stored from the beginning."""
        self.objects = dict(objects or {})

    async def get(self, name: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.objects.get(name))

    async def put(self, name: str, fields: Mapping[str, Any]) -> None:
        self.objects[name] = copy.deepcopy(dict(fields))

    async def put_if_absent(self, name: str, fields: Mapping[str, Any]) -> bool:
        absent = name not in self.objects
        if absent:
            await self.put(name, fields)
        return absent

    async def delete(self, name: str) -> bool:
        return self.objects.pop(name, None) is not None

    async def names(self, prefix: str) -> AsyncIterator[str]:
        for name in sorted(self.objects):
            if name.startswith(prefix):
                yield name
