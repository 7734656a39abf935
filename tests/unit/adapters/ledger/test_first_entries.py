"""The ledger is read in short steps, since a worker that reads it may relay streams."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator

import pytest

from shared.adapters.ledger.first_entries import STEP_BYTES, read_pieces
from shared.core.records.delivery.first_entries import FirstDigests, FirstWriters
from shared.core.records.delivery.ledger_entries import Delivery, LedgerEntry
from shared.core.records.exchange.exchange_id import new_exchange_id

pytestmark = pytest.mark.anyio

IDS = tuple(new_exchange_id(1_763_908_200_000, at.to_bytes(10)) for at in range(10_000))
LEDGER = b"".join(
    LedgerEntry(exchange_id=exchange_id, delivery=Delivery.DELIVERED, at_ms=1).line()
    for exchange_id in IDS
)


async def cut_at(*places: int) -> AsyncIterator[bytes]:
    for start, end in zip((0, *places), (*places, len(LEDGER)), strict=True):
        yield LEDGER[start:end]


@pytest.mark.parametrize("places", [(), (1, 100, STEP_BYTES - 1, 200_000)])
async def test_every_entry_is_found_wherever_the_blob_is_cut(places: tuple[int, ...]) -> None:
    first = FirstWriters(IDS)
    await read_pieces(cut_at(*places), functools.partial(first.read, writer="w"))
    assert first.of_writer("w") == set(IDS)


async def test_other_work_goes_on_between_two_steps() -> None:
    """The storage client hands over pieces of 4 MB, and one of them takes 50 ms."""
    turns, reading = 0, asyncio.create_task(read_pieces(cut_at(), FirstDigests(IDS).read))
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= len(LEDGER) // STEP_BYTES
