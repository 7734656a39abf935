"""Calls the app's orchestrators and activities through the worker library."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from emulators.functions_host.durable import events
from emulators.functions_host.durable.events import HistoryEvent
from emulators.functions_host.durable.execution import OpenActivity
from emulators.functions_host.durable.functions import DurableFunction, DurableFunctions
from emulators.functions_host.durable.orchestrator_state import (
    OrchestratorState,
    parse_failure,
    parse_state,
)
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.worker_library import Invocation, InvocationResult, TypedData

type Clock = Callable[[], datetime]

_REASON: Final = "(null)"  # what the real host prints for them


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


class DurableCalls:
    """The app's Durable functions, callable."""

    def __init__(self, functions: DurableFunctions, invocations: Invocations) -> None:
        """Calls use the host's Invocations, which print and time them like all others."""
        self._functions = functions
        self._invocations = invocations

    def has_activity(self, name: str) -> bool:
        """Whether the app has an activity of this name."""
        return name in self._functions.activities

    async def orchestrator(self, name: str, context: Mapping[str, Any]) -> OrchestratorState:
        """Run an orchestrator over its history. Raises UnsupportedAction for an action that this
        engine lacks.
        """
        target = self._functions.orchestrators.get(name)
        if target is None:
            return _failure(_unknown(name, self._functions.orchestrators))
        outcome = await self._call(target, json.dumps(context))
        if outcome.error is None:
            return parse_state(outcome.return_value.json)
        return parse_failure(outcome.error)

    async def activity(self, task_id: int, activity: OpenActivity, now: Clock) -> HistoryEvent:
        """Run an activity; return the event of its end."""
        outcome = await self._call(
            self._functions.activities[activity.name], activity.data or "null"
        )
        if outcome.error is None:
            return events.task_completed(now(), task_id, outcome.return_value.json)
        # Two spaces: seen on the real host, where an empty word stands between them.
        return events.task_failed(
            now(),
            task_id,
            f"Activity function '{activity.name}' failed:  {outcome.error}",
            outcome.stack,
        )

    async def _call(self, target: DurableFunction, data: str) -> InvocationResult:
        invocation = Invocation(
            invocation_id=str(uuid.uuid4()),
            function=target.function,
            inputs={target.parameter: TypedData(string=data)},
        )
        return await self._invocations.run(invocation, _REASON)


def _failure(error: str) -> OrchestratorState:
    return OrchestratorState(actions=(), done=True, output=None, error=error, custom_status=None)


def _unknown(name: str, orchestrators: Mapping[str, DurableFunction]) -> str:
    names = ", ".join(f"'{name}'" for name in orchestrators)
    return (
        f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function. "
        f"Additional info: The following are the known orchestrator functions: {names}."
    )
