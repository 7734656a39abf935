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
from shared.relay.recording_failures import RecordingFailures

pytestmark = pytest.mark.anyio


async def test_a_bug_holds_up_no_other_outcome(caplog: pytest.LogCaptureFixture) -> None:
    """An outcome that cannot be stored stays until it is given up, and is reported then."""
    stored: list[str] = []
    failures = RecordingFailures()
    tasks: list[asyncio.Task[Any]] = []

    async def store(envelope: Envelope) -> bool:
        if envelope.exchange_id == "faulty-id":
            raise ValueError("a bug")
        stored.append(envelope.exchange_id)
        return True

    def start[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    pending = PendingOutcomes(
        store=store,
        start=start,
        failures=failures,
        give_up_after_s=0.05,
        interval_s=0.01,
    )
    pending.add(PLAIN)
    pending.add(replace(PLAIN, exchange_id="faulty-id"))
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert stored == [PLAIN.exchange_id]
    assert failures.lost == 1
    (line,) = [line for line in caplog.messages if "could not be recorded at all" in line]
    assert "faulty-id" in line


async def test_what_is_too_much_is_given_up_at_once() -> None:
    failures = RecordingFailures()
    tasks: list[asyncio.Task[Any]] = []

    async def store(_: Envelope) -> bool:
        return True

    def start[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    pending = PendingOutcomes(
        store=store,
        start=start,
        failures=failures,
        give_up_after_s=60,
        interval_s=0.01,
        max_waiting=1,
    )
    for _ in range(3):
        pending.add(PLAIN)
    assert (len(pending), failures.lost) == (1, 2)
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert len(pending) == 0


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
        start=start,
        failures=RecordingFailures(),
        give_up_after_s=60,
        interval_s=3600,
        uniform=lowest,
    )
    pending.add(PLAIN)
    await asyncio.wait_for(stored.wait(), 20)
    await asyncio.gather(*tasks)
    assert factors == [(0.5, 1.5)]
