"""The Durable engine at run time: what it does at once, what it saves, and how another process
continues.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulators.functions_host.durable import events
from emulators.functions_host.durable.calls import Clock, DurableCalls, utc_now
from emulators.functions_host.durable.engine import AlreadyExists, Engine
from emulators.functions_host.durable.events import HistoryEvent
from emulators.functions_host.durable.execution import OpenActivity
from emulators.functions_host.durable.functions import DurableFunctions, sort_durable
from emulators.functions_host.durable.options import parse_durable_options
from emulators.functions_host.durable.orchestrator_state import OrchestratorState
from emulators.functions_host.durable.store import InstanceStore
from emulators.functions_host.unsupported import StartError, Unsupported
from emulators.functions_host.worker_library import IndexedFunction
from harness.waiting import poll_until_async
from tests.support.orchestrations import Orchestrator, state_of
from tests.unit.emulators.functions_host.orchestrators import chain, naps, race


class AppCalls(DurableCalls):
    """The app's functions without a worker library."""

    def __init__(self, orchestrate: Orchestrator, activity: Callable[[Any], Any]) -> None:
        self._orchestrate = orchestrate
        self._activity = activity
        self.running = asyncio.Semaphore(0)  # released with each call of an activity
        self.go_on = asyncio.Event()  # activities wait for it
        self.go_on.set()
        self.activity_count = self.max_activity_count = 0

    def has_activity(self, name: str) -> bool:
        return name == "add"

    async def orchestrator(self, name: str, context: Mapping[str, Any]) -> OrchestratorState:
        await asyncio.sleep(0)
        return state_of(self._orchestrate, context)

    async def activity(self, task_id: int, activity: OpenActivity, now: Clock) -> HistoryEvent:
        self.activity_count += 1
        self.max_activity_count = max(self.activity_count, self.max_activity_count)
        self.running.release()
        await self.go_on.wait()
        self.activity_count -= 1
        return events.task_completed(
            now(), task_id, json.dumps(self._activity(json.loads(activity.data or "null")))
        )


@asynccontextmanager
async def running(folder: Path, calls: DurableCalls, **options: Any) -> AsyncIterator[Engine]:
    """Run an engine on the folder's file; end it without letting it finish anything, as kill -9
    does.
    """
    store = InstanceStore(folder / "durable.sqlite")
    engine = Engine(store, calls, **options)
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        task.cancel()
        await asyncio.wait({task})
        store.close()


async def wait_for_output(engine: Engine, instance_id: str) -> Any:
    """The output of an instance that ends soon."""
    async with asyncio.timeout(5):
        while (instance := engine.find(instance_id)) is None or instance.active:  # noqa: ASYNC110 - the engine offers no event
            await asyncio.sleep(0.001)
    return instance.output


def encode(value: Any) -> str:
    return json.dumps(json.dumps(value))


def test_another_host_continues_after_this_one_was_killed(tmp_path: Path) -> None:
    """An activity that had ended is not called again, one that ran is; finished instances are still
    known.
    """

    async def scenario() -> None:
        first = AppCalls(chain, lambda n: n + 1)
        async with running(tmp_path, first) as engine:
            engine.start("chain", "before", encode(5))
            await wait_for_output(engine, "before")
            first.go_on.clear()
            engine.start("chain", "killed", encode(1))
            for _ in range(3):
                await first.running.acquire()
        second = AppCalls(chain, lambda n: n + 10)
        async with running(tmp_path, second) as engine:
            assert await wait_for_output(engine, "killed") == {"n": 21, "id": "killed"}
            before = engine.find("before")
            assert before
            assert before.output == {"n": 7, "id": "before"}

    asyncio.run(scenario())


def test_a_workers_death_fails_what_it_ran(tmp_path: Path) -> None:
    """The next worker of the same host does not call it again by itself: a retry policy decides."""

    async def scenario() -> None:
        first = AppCalls(chain, lambda n: n)
        first.go_on.clear()
        async with running(tmp_path, first) as engine:
            engine.start("chain", "killed", encode(1))
            await first.running.acquire()
        async with running(tmp_path, AppCalls(chain, lambda n: n), worker_died=True) as engine:
            assert (
                "Activity function 'add' failed: the worker process died"
                in await wait_for_output(engine, "killed")
            )

    asyncio.run(scenario())


def test_a_timer_that_came_due_meanwhile_fires_at_the_next_start(tmp_path: Path) -> None:
    """The timer fires, and the orchestrator's clock is not before the timer's time."""

    async def scenario() -> None:
        async with running(tmp_path, AppCalls(naps, abs)) as engine:
            nap = engine.start("naps", "nap", encode(1))
            await poll_until_async(lambda: nap.execution.timers, "the timer is set")
        async with running(
            tmp_path, AppCalls(naps, abs), now=lambda: utc_now() + timedelta(days=2)
        ) as engine:
            assert 172_800 <= await wait_for_output(engine, "nap") < 172_900

    asyncio.run(scenario())


def test_an_id_is_one_instance(tmp_path: Path) -> None:
    """An id cannot be started while its instance runs; after a termination it starts anew, and the
    old activity's result is ignored.
    """

    async def scenario() -> None:
        calls = AppCalls(chain, lambda n: n + 1)
        calls.go_on.clear()
        async with running(tmp_path, calls) as engine:
            old = engine.start("chain", "one", encode(1))
            await calls.running.acquire()
            with pytest.raises(AlreadyExists, match="with the status Running already exists"):
                engine.start("chain", "one", encode(2))
            engine.terminate(old, "enough")
            engine.start("chain", "one", encode(7))
            await calls.running.acquire()
            calls.go_on.set()
            assert await wait_for_output(engine, "one") == {"n": 9, "id": "one"}
            assert (old.status, old.output) == ("Terminated", "enough")

    asyncio.run(scenario())


def test_activities_run_side_by_side_within_their_bound(tmp_path: Path) -> None:
    """The bound is extensions.durableTask.maxConcurrentActivityFunctions."""

    async def scenario() -> None:
        calls = AppCalls(chain, lambda n: n + 1)
        calls.go_on.clear()
        async with running(tmp_path, calls, max_concurrent_activities=3) as engine:
            for number in range(5):
                engine.start("chain", str(number), encode(number))
            for _ in range(3):
                await calls.running.acquire()
            calls.go_on.set()
            assert [(await wait_for_output(engine, str(number)))["n"] for number in range(5)] == [
                2,
                3,
                4,
                5,
                6,
            ]
        assert calls.max_activity_count == 3

    asyncio.run(scenario())


def test_stop_waits_for_what_runs_and_calls_nothing_more(tmp_path: Path) -> None:
    """The result is saved for the next start."""

    async def scenario() -> None:
        calls = AppCalls(chain, lambda n: n + 1)
        calls.go_on.clear()
        store = InstanceStore(tmp_path / "durable.sqlite")
        engine = Engine(store, calls)
        run = asyncio.create_task(engine.run())
        engine.start("chain", "one", encode(1))
        await calls.running.acquire()
        engine.stop()
        calls.go_on.set()
        await asyncio.wait_for(run, 5)
        store.close()
        assert calls.running.locked()
        async with running(tmp_path, calls) as again:
            assert await wait_for_output(again, "one") == {"n": 3, "id": "one"}

    asyncio.run(scenario())


def test_an_event_reaches_an_instance(tmp_path: Path) -> None:
    """The instance need not have run yet."""

    async def scenario() -> None:
        async with running(tmp_path, AppCalls(race, lambda n: n)) as engine:
            engine.raise_event(engine.start("race", "one", None), "go", '"now"')
            assert await wait_for_output(engine, "one") == "now"

    asyncio.run(scenario())


def test_another_task_hub_is_refused() -> None:
    """A client of another hub or storage account would not find this engine's instances."""
    binding = {"type": "durableClient", "name": "client", "taskHub": "other"}
    function = IndexedFunction(
        name="f", function_id="f", bindings=(binding,), has_retry_policy=False
    )

    with pytest.raises(Unsupported, match="taskHub of the durableClient binding of function f"):
        sort_durable([function])
    assert not DurableFunctions().used


def test_host_json_options() -> None:
    """The hub's name and the bound are used, what only tunes the real host is passed over, the rest
    is refused.
    """
    options = parse_durable_options(
        {"hubname": "Mine", "maxconcurrentactivityfunctions": 2, "storageprovider": {}}
    )

    assert (options.hub_name, options.max_concurrent_activities) == ("Mine", 2)
    assert parse_durable_options(None).hub_name == "TestHubName"
    with pytest.raises(Unsupported, match=r"durableTask\.notifications"):
        parse_durable_options({"notifications": {}})
    with pytest.raises(StartError, match="maxConcurrentActivityFunctions"):
        parse_durable_options({"maxconcurrentactivityfunctions": "many"})
