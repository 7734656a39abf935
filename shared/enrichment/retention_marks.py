"""Marks the windows that hold captures which a content rule lets expire early.

Every try to deliver makes the mark first: it does not depend on the Event Hub's acceptance. Each
worker makes a mark once.
"""

from __future__ import annotations

from typing import Final

from shared.core.records.completeness import retention
from shared.core.records.delivery.id_sets import RecentIds
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.window import Window
from shared.ports.blobs import JsonStore

MAX_NAMES: Final = 10_000  # marks: a year of hours with one retention


class RetentionMarks:
    """The marks that this worker has made."""

    def __init__(self, store: JsonStore, *, max_names: int = MAX_NAMES) -> None:
        self._store = store
        self._names = RecentIds(max_names)

    async def mark(self, envelope: Envelope) -> None:
        """Mark the exchange's window, if a rule says when its captures expire. Raises
        StorageError.
        """
        if envelope.retention_days is None:
            return
        window = Window.of_exchange(envelope.exchange_id)
        name = retention.retention_mark_name(window, envelope.retention_days)
        if name in self._names:
            return
        await self._store.put_if_absent(name, {})
        self._names.add([name])
