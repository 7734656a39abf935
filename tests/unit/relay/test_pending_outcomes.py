"""Outcomes that wait for storage outlast a bug in storing one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from harness.sample_envelope import PLAIN
from shared.core.records.exchange.envelope import Envelope
from shared.relay.pending_outcomes import PendingOutcomes

pytestmark = pytest.mark.anyio


async def test_a_bug_holds_up_no_other_outcome() -> None:
    """An outcome that cannot be stored stays until it is given up, and is reported then."""
    stored: list[str] = []
    lost: list[str] = []
    tasks: list[asyncio.Task[Any]] = []

    async def store(envelope: Envelope) -> bool:
        if envelope.deployment == "faulty":
            raise ValueError("a bug")
        stored.append(envelope.exchange_id)
        return True

    def start[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    pending = PendingOutcomes(
        store=store,
        lost=lambda envelope: lost.append(envelope.deployment or ""),
        start=start,
        give_up_after_s=0.05,
        interval_s=0.01,
    )
    pending.add(PLAIN)
    pending.add(replace(PLAIN, deployment="faulty"))
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert stored == [PLAIN.exchange_id]
    assert lost == ["faulty"]


async def test_workers_do_not_try_together() -> None:
    """The pause is half of the interval to one and a half, at random."""
    factors: list[tuple[float, float]] = []
    stored = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def store(_: Envelope) -> bool:
        stored.set()
        return True

    def start[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    def lowest(low: float, high: float) -> float:
        factors.append((low, high))
        return 0.0

    pending = PendingOutcomes(
        store=store,
        lost=lambda _: None,
        start=start,
        give_up_after_s=60,
        interval_s=3600,
        uniform=lowest,
    )
    pending.add(PLAIN)
    await asyncio.wait_for(stored.wait(), 20)
    await asyncio.gather(*tasks)
    assert factors == [(0.5, 1.5)]
