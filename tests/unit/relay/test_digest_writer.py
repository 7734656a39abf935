"""A body whose content must not be stored leaves a header alone."""

from __future__ import annotations

import asyncio

import pytest

from shared.relay.digest_writer import DigestWriter
from tests.unit.relay.gated_store import GatedStore, start

pytestmark = pytest.mark.anyio


async def test_an_erasure_waits_for_the_placeholder() -> None:
    """A placeholder that was stored later would come back."""
    store = GatedStore()
    store.open.clear()
    writer = DigestWriter(store, "capture", start)
    writer.put_placeholder(b"header")
    assert writer.reached_storage
    erasing = asyncio.create_task(writer.erase())
    await asyncio.sleep(0)
    assert not erasing.done()
    store.open.set()
    await erasing
    assert not store.blobs


async def test_nothing_reaches_storage_before_the_end() -> None:
    """An erasure deletes the header that the end stores."""
    store = GatedStore()
    writer = DigestWriter(store, "capture", start)
    writer.write(b"the body")
    assert (writer.size, writer.reached_storage, store.blobs) == (8, False, {})
    assert await writer.close(b"header")
    assert store.blobs == {"capture": b"header"}
    await writer.erase()
    assert not store.blobs
