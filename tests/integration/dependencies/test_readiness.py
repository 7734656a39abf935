"""Readiness: each dependency probed, no more often than needed, and nothing named."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import DeliveryError, DeliveryForbidden, StorageError
from shared.health.readiness import FRESH_S, Readiness
from tests.integration.support.exchanges import DEADLINE_S
from tests.support.manual_clock import ManualClock

pytestmark = pytest.mark.anyio


class ProbedDependency:
    """Counts its probes, and raises `failure` if it is set."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.probes = 0

    async def probe(self) -> None:
        self.probes += 1
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure


async def test_every_dependency_has_its_state() -> None:
    refused = DeliveryError("at contoso.servicebus.windows.net")
    readiness = Readiness(
        {"queue": ProbedDependency().probe, "event_hub": ProbedDependency(refused).probe}
    )
    assert await readiness.check() == {"queue": "reachable", "event_hub": "unreachable"}


@pytest.mark.parametrize(
    "failure", [StorageError("x"), DeliveryError("x"), OSError("x"), TimeoutError()]
)
async def test_a_failing_probe_says_unreachable_and_nothing_else(failure: Exception) -> None:
    assert await Readiness({"blobs": ProbedDependency(failure).probe}).check() == {
        "blobs": "unreachable"
    }


@pytest.mark.parametrize(
    "failure",
    [StorageError("x", status=403), StorageError("x", status=401), DeliveryForbidden("x")],
    ids=["403", "401", "Event Hub"],
)
async def test_a_missing_role_says_forbidden_and_nothing_else(failure: Exception) -> None:
    assert await Readiness({"blobs": ProbedDependency(failure).probe}).check() == {
        "blobs": "forbidden"
    }


async def test_a_silent_dependency_is_unreachable() -> None:
    async def silent() -> None:
        await asyncio.Event().wait()

    answering = ProbedDependency()
    readiness = Readiness({"queue": silent, "blobs": answering.probe}, probe_timeout_s=0.05)
    states = await asyncio.wait_for(readiness.check(), DEADLINE_S)
    assert states == {"queue": "unreachable", "blobs": "reachable"}


@pytest.mark.parametrize("fresh_s", [FRESH_S, 1.0])
async def test_a_response_is_reused_for_some_time(fresh_s: float) -> None:
    clock, dependency = ManualClock(1000.0), ProbedDependency()
    readiness = Readiness({"queue": dependency.probe}, clock, fresh_s=fresh_s)
    await readiness.check()
    clock.now += fresh_s
    await readiness.check()
    assert dependency.probes == 1
    dependency.failure = OSError()
    clock.now += 0.1
    assert await readiness.check() == {"queue": "unreachable"}
    assert dependency.probes == 2


async def test_many_who_ask_at_once_cost_one_round_of_probes() -> None:
    dependency = ProbedDependency()
    readiness = Readiness({"queue": dependency.probe}, ManualClock(1000.0))
    responses = await asyncio.gather(*(readiness.check() for _ in range(50)))
    assert dependency.probes == 1
    assert all(response == {"queue": "reachable"} for response in responses)


async def test_notices_are_kept_apart_from_the_states() -> None:
    """They do not decide on readiness."""
    readiness = Readiness(
        {"queue": ProbedDependency().probe}, notices={"worker_library": "unknown"}
    )
    assert await readiness.check() == {"queue": "reachable"}
    assert readiness.notices == {"worker_library": "unknown"}
