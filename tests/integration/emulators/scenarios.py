"""Tests that mostly wait run all at once: each is a coroutine of its own, and a failure is the
failure of that test alone.

The SDK's consumer takes over a second to open and close, all of it in sleeps, so 20 tests one after
the other take a minute.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Self

import pytest

DEADLINE_S = 60

type Scenario = Callable[[], Coroutine[Any, Any, None]]


class Scenarios:
    """The scenarios of a test module; `running` is the fixture that starts those that were
    selected.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {}

    def __call__(
        self, function: Callable[..., Coroutine[Any, Any, None]]
    ) -> Callable[[RunningScenarios], None]:
        """Make a test of a coroutine function."""
        name = function.__name__
        self.functions[name] = function

        def test(running: RunningScenarios) -> None:
            running.result(name)

        test.__name__, test.__doc__, test.__module__ = name, function.__doc__, function.__module__
        return test

    def selected_scenarios(
        self, request: pytest.FixtureRequest
    ) -> dict[str, Callable[..., Coroutine[Any, Any, None]]]:
        """The scenarios that this run of pytest wants."""
        selection = {item.name for item in request.session.items}
        return {name: function for name, function in self.functions.items() if name in selection}


class RunningScenarios:
    """Coroutines on an event loop in a thread."""

    def __init__(self, scenarios: dict[str, Scenario]) -> None:
        self._scenarios = scenarios
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._futures: dict[str, Future[None]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        for name, scenario in self._scenarios.items():
            self._futures[name] = asyncio.run_coroutine_threadsafe(scenario(), self._loop)
        return self

    def result(self, name: str) -> None:
        """Wait for a scenario and raise its exception, if it raised one."""
        self._futures[name].result(DEADLINE_S)

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(DEADLINE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()
