"""Marks of erased exchanges: `erased/2026/11/23/14/<id>.json`. A marked exchange is neither missing
nor delivered any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.core.records.operator.erasure_receipt import erasure_mark_name, marks_prefix
from shared.ports.blobs import JsonStore


class ErasureMarks:
    """Sets, removes and lists the marks: the ports of shared/ports/ledger.py."""

    def __init__(self, json_store: JsonStore, clock: Callable[[], float] = time.time) -> None:
        self._json_store = json_store
        self._clock = clock

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        at_ms = int(self._clock() * 1000)
        await self._json_store.put(erasure_mark_name(exchange_id), {"run": run, "at_ms": at_ms})

    async def unmark_erased(self, exchange_id: str) -> None:
        await self._json_store.delete(erasure_mark_name(exchange_id))

    async def is_erased(self, exchange_id: str) -> bool:
        return await self._json_store.get(erasure_mark_name(exchange_id)) is not None

    async def erased_ids(self, window: str) -> set[str]:
        names = self._json_store.names(marks_prefix(window))
        return {name.rpartition("/")[2].removesuffix(".json") async for name in names}
