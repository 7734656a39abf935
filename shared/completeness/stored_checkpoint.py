"""A checkpoint together with the JSON object that holds it: an attempt at a step reads it once and
advances it after each batch.
"""

from __future__ import annotations

from collections import Counter
from typing import Self

from shared.core.records.completeness import checkpoint
from shared.core.records.completeness.checkpoint import Checkpoint
from shared.ports.blobs import JsonStore


class StoredCheckpoint:
    """The progress of one step of a run."""

    def __init__(self, store: JsonStore, name: str, progress: Checkpoint) -> None:
        self._store = store
        self._name = name
        self._progress = progress

    @classmethod
    async def resume(cls, store: JsonStore, name: str, step: str) -> Self:
        """The checkpoint that an earlier attempt at this step stored; a new one if there is none.
        Raises StorageError.
        """
        return cls(store, name, checkpoint.resume(step, await store.get(name)))

    @property
    def counts(self) -> Counter[str]:
        """The results of all attempts, by their names. Mutable; `advance` stores them."""
        return self._progress.counts

    def is_done(self, exchange_id: str) -> bool:
        """An earlier attempt dealt with this exchange."""
        return self._progress.is_done(exchange_id)

    async def advance(self, last_exchange_id: str) -> None:
        """Store the counts, and that the exchanges up to this one are done. Raises StorageError."""
        self._progress.after = last_exchange_id
        await self._store.put(self._name, self._progress.to_json())
