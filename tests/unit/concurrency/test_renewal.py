"""A value that expires, renewed for all who need it: one fetch, one failure, the old value until it
expires.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from shared.concurrency.renewal import Renewal, SharedTask

pytestmark = pytest.mark.anyio

LIFE_S = 3600.0
BEFORE_S = 300.0
PAUSE_S = 2.0


class NoValueError(Exception):
    """An error of the endpoint."""


@dataclass
class Endpoint:
    """Gives a numbered value that lives for an hour; fails while `failing` is set, and answers only
    while `open` is set.
    """

    now: float = 1000.0
    failing: bool = False
    fetches: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def fetch(self) -> tuple[str, float]:
        self.fetches += 1
        await asyncio.sleep(0)
        await self.open.wait()
        if self.failing:
            raise NoValueError
        return f"value-{self.fetches}", self.now + LIFE_S

    def renewal(self, timeout_s: float = 20.0) -> Renewal[str]:
        return Renewal(
            self.fetch,
            lambda: self.now,
            renew_before_s=BEFORE_S,
            timeout_s=timeout_s,
            pause_s=PAUSE_S,
        )


async def wait_for_fetch(renewal: Renewal[str]) -> None:
    await renewal.fetching.wait()


async def test_callers_share_the_fetch_under_way() -> None:
    endpoint = Endpoint()
    renewal = endpoint.renewal()
    assert await asyncio.gather(*(renewal.value() for _ in range(20))) == ["value-1"] * 20
    assert await renewal.value() == "value-1"
    assert endpoint.fetches == 1


async def test_a_cancelled_caller_does_not_end_the_fetch() -> None:
    endpoint = Endpoint()
    endpoint.open.clear()
    renewal = endpoint.renewal()
    waiting = [asyncio.create_task(renewal.value()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    endpoint.open.set()
    assert await asyncio.gather(*waiting[1:]) == ["value-1"] * 2
    assert waiting[0].cancelled()
    assert endpoint.fetches == 1


async def test_a_failure_is_shared() -> None:
    endpoint = Endpoint(failing=True)
    renewal = endpoint.renewal()
    results = await asyncio.gather(*(renewal.value() for _ in range(20)), return_exceptions=True)
    assert [type(result) for result in results] == [NoValueError] * 20
    assert endpoint.fetches == 1


async def test_a_silent_endpoint_costs_all_callers_one_timeout() -> None:
    """Callers do not wait one after the other: 20 wait as long as one."""
    endpoint = Endpoint()
    endpoint.open.clear()
    renewal = endpoint.renewal(timeout_s=0.05)
    results = await asyncio.gather(*(renewal.value() for _ in range(20)), return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError] * 20
    assert endpoint.fetches == 1


async def test_after_a_failure_there_is_a_pause() -> None:
    endpoint = Endpoint(failing=True)
    renewal = endpoint.renewal()
    for _ in range(3):
        with pytest.raises(NoValueError):
            await renewal.value()
    assert endpoint.fetches == 1
    endpoint.failing = False
    endpoint.now += PAUSE_S
    assert await renewal.value() == "value-2"


async def test_a_value_is_renewed_ahead_of_its_expiry() -> None:
    """Callers get the old value meanwhile."""
    endpoint = Endpoint()
    renewal = endpoint.renewal()
    await renewal.value()
    endpoint.now += LIFE_S - BEFORE_S - 1
    assert await renewal.value() == "value-1"
    assert endpoint.fetches == 1
    endpoint.now += 1
    endpoint.open.clear()
    assert await asyncio.wait_for(renewal.value(), 10) == "value-1"
    endpoint.open.set()
    await wait_for_fetch(renewal)
    assert await renewal.value() == "value-2"
    assert endpoint.fetches == 2


async def test_a_value_outlives_failures_until_it_expires() -> None:
    endpoint = Endpoint()
    renewal = endpoint.renewal()
    await renewal.value()
    endpoint.failing = True
    endpoint.now += LIFE_S - BEFORE_S
    for _ in range(10):
        assert await renewal.value() == "value-1"
        await wait_for_fetch(renewal)
        endpoint.now += (BEFORE_S - 1) / 10
    assert endpoint.fetches == 11
    assert await renewal.value() == "value-1"
    await wait_for_fetch(renewal)
    endpoint.now += 1.1
    with pytest.raises(NoValueError):
        await renewal.value()
    endpoint.failing = False
    endpoint.now += PAUSE_S
    assert await renewal.value() == f"value-{endpoint.fetches}"


async def test_a_value_that_comes_expired_is_not_given_out() -> None:
    async def fetch() -> tuple[str, float]:
        return "old", 10.0

    renewal = Renewal(fetch, lambda: 10.0, renew_before_s=0, timeout_s=1, pause_s=1)
    with pytest.raises(TimeoutError, match="expired already"):
        await renewal.value()


async def test_a_fetch_ends_with_its_renewal() -> None:
    endpoint = Endpoint()
    endpoint.open.clear()
    renewal = endpoint.renewal()
    waiting = asyncio.create_task(renewal.value())
    await asyncio.sleep(0)
    await renewal.aclose()
    assert not renewal.fetching.under_way
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_shared_task_runs_again_once_it_has_ended() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)

    shared = SharedTask(work)
    await shared.wait()  # nothing to wait for
    assert shared.start() is shared.start()
    await shared.wait()
    assert (runs, shared.under_way) == (1, False)
    shared.start()
    await shared.wait()
    await shared.aclose()
    assert runs == 2
