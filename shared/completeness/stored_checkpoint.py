"""A checkpoint: the progress of a step of a run, kept in a JSON object. The attempt after one that
was cut off repeats at most one batch.

Exchanges are worked through in the order of their ids, so one id says which of them are done.
"""

from __future__ import annotations

from collections import Counter
from typing import Self

from shared.core.wire.json.json_shape import integer, mapping, text
from shared.ports.blobs import JsonStore


class StoredCheckpoint:
    """The progress of one step of a run. An attempt reads it once, and advances it after each
    batch.
    """

    def __init__(
        self, store: JsonStore, name: str, *, step: str, after: str, counts: Counter[str]
    ) -> None:
        """`step`: the checkpoint of another step does not count. `after`: the last exchange of the
        last batch that was worked on. `counts`: the results of all attempts, by their names;
        mutable, and stored by `advance`.
        """
        self.counts = counts
        self._store = store
        self._name = name
        self._step = step
        self._after = after

    @classmethod
    async def resume(cls, store: JsonStore, name: str, step: str) -> Self:
        """The checkpoint that an earlier attempt at this step stored; a new one if there is none.
        Raises StorageError.
        """
        stored = await store.get(name) or {}
        if stored.get("step") != step:
            stored = {}
        counts = {key: integer(count) or 0 for key, count in mapping(stored.get("counts")).items()}
        return cls(store, name, step=step, after=text(stored.get("after")), counts=Counter(counts))

    def is_done(self, exchange_id: str) -> bool:
        """Whether an earlier attempt dealt with this exchange."""
        return exchange_id <= self._after

    async def advance(self, last_exchange_id: str) -> None:
        """Store the counts, and that the exchanges up to this one are done. Raises StorageError."""
        self._after = last_exchange_id
        await self._store.put(
            self._name, {"step": self._step, "after": self._after, "counts": dict(self.counts)}
        )
