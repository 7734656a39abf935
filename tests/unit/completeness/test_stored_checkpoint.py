"""A checkpoint: a second attempt skips what the first has done, and another step starts from the
beginning.
"""

from __future__ import annotations

from collections import Counter

import pytest

from harness.memory_json_store import MemoryJsonStore
from shared.completeness.stored_checkpoint import StoredCheckpoint

NAME = "progress/a.json"

pytestmark = pytest.mark.anyio


async def stored_by_first_attempt() -> MemoryJsonStore:
    """A store after an attempt at step `a` queued two exchanges."""
    store = MemoryJsonStore()
    first = await StoredCheckpoint.resume(store, NAME, "a")
    first.counts.update(queued=2)
    await first.advance("0002")
    return store


async def test_progress_is_resumed() -> None:
    second = await StoredCheckpoint.resume(await stored_by_first_attempt(), NAME, "a")
    assert second.counts == Counter(queued=2)
    assert [second.is_done(exchange_id) for exchange_id in ("0001", "0002", "0003")] == [
        True,
        True,
        False,
    ]


async def test_another_step_begins_anew() -> None:
    """So does a step of which nothing is stored, or an object without members."""
    stored = await stored_by_first_attempt()
    empty = MemoryJsonStore()
    await empty.put(NAME, {})
    for store in (stored, empty, MemoryJsonStore()):
        second = await StoredCheckpoint.resume(store, NAME, "b")
        assert second.counts == Counter()
        assert not second.is_done("0001")
