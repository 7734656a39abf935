"""An orchestration instance: its status, its current generation, and its undelivered
events. Pure.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from emulators.functions_host.durable import events
from emulators.functions_host.durable.events import HistoryEvent
from emulators.functions_host.durable.execution import (
    Execution,
    OpenActivity,
    OpenTimer,
    execution_from_json,
)
from emulators.functions_host.durable.orchestrator_state import (
    ContinueAsNew,
    OrchestratorAction,
    OrchestratorState,
)

# azure.durable_functions.OrchestrationRuntimeStatus, as far as it comes up here.
PENDING: Final = "Pending"
RUNNING: Final = "Running"
COMPLETED: Final = "Completed"
FAILED: Final = "Failed"
TERMINATED: Final = "Terminated"
_ACTIVE: Final = frozenset({PENDING, RUNNING})
_MAX_CUSTOM_STATUS_KB: Final = 16


@dataclass(kw_only=True)
class Instance:
    """The current instance of an id."""

    instance_id: str
    name: str  # the orchestrator's name
    data: str | None  # this generation's input, JSON text
    created: str  # timestamps
    updated: str
    execution: Execution
    status: str = PENDING
    custom_status: Any = None
    output: Any = None
    inbox: list[HistoryEvent] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether the instance still runs."""
        return self.status in _ACTIVE

    def next_event(self) -> HistoryEvent | None:
        """The next event to deliver; drop those that no task waits for."""
        while self.inbox and not self.execution.expects(self.inbox[0]):
            del self.inbox[0]
        return self.inbox[0] if self.inbox and self.active else None

    def open_activities(self) -> list[tuple[int, OpenActivity]]:
        """The calls, by task id, whose end has not arrived."""
        ended = {event.get("TaskScheduledId") for event in self.inbox}
        return [
            (task_id, call)
            for task_id, call in self.execution.activities.items()
            if task_id not in ended
        ]

    def open_timers(self) -> list[tuple[int, OpenTimer]]:
        """The timers, by id, that have not fired."""
        fired = {event.get("TimerId") for event in self.inbox}
        return [
            (timer_id, timer)
            for timer_id, timer in self.execution.timers.items()
            if timer_id not in fired
        ]

    def turn(self, now: datetime, state: OrchestratorState) -> None:
        """Deliver the next event with the orchestrator's state after it. After NonDeterministic,
        call `fail`.
        """
        event = self.inbox.pop(0)
        self.status = RUNNING
        error = state.error or _too_large(state.custom_status)
        self.custom_status = None if _too_large(state.custom_status) else state.custom_status
        self._touch(now)
        if error is not None:
            self.fail(f"Orchestrator function '{self.name}' failed: {error}", now)
            return
        self.execution.apply(event, now, state.actions)
        if not state.done:
            return
        again = _continues(state.actions)
        if again is not None:
            self._begin(again.data, now)
        else:
            self.status, self.output = COMPLETED, state.output

    def fail(self, reason: str, now: datetime) -> None:
        """End the instance with an error."""
        self._finish(FAILED, reason, now)

    def terminate(self, reason: str, now: datetime) -> None:
        """End the instance from outside."""
        self._finish(TERMINATED, reason, now)

    def _finish(self, status: str, output: Any, now: datetime) -> None:
        self.status, self.output = status, output
        self.inbox.clear()
        self._touch(now)

    def _begin(self, data: str | None, now: datetime) -> None:
        """Start a generation. Open tasks of the previous one are dropped, undelivered events are
        kept.
        """
        raised = [
            event
            for event in self.inbox
            if event["EventType"] == events.HistoryEventType.EVENT_RAISED
        ]
        fresh = new_instance(
            self.instance_id, self.name, None if data is None else json.dumps(data), now
        )
        self.data, self.execution = fresh.data, fresh.execution
        # the generation's time, not the instance's: seen on the real host
        self.created = fresh.created
        self.inbox = [*fresh.inbox, *raised]

    def _touch(self, now: datetime) -> None:
        self.updated = events.timestamp(now)


def _too_large(custom_status: Any) -> str | None:
    """The real host's message for a custom status that is too large; None if it is not. The
    limit was tried there.
    """
    text = json.dumps(custom_status, ensure_ascii=False, separators=(",", ":"))
    size_kb = len(text.encode("utf-16-le", "surrogatepass")) // 1024
    if size_kb <= _MAX_CUSTOM_STATUS_KB:
        return None
    return (
        f"The UTF-16 size of the JSON-serialized payload must not exceed {_MAX_CUSTOM_STATUS_KB} KB. "
        f"The current payload size is {size_kb} KB."
    )


def _continues(actions: tuple[OrchestratorAction, ...]) -> ContinueAsNew | None:
    return next((action for action in actions if isinstance(action, ContinueAsNew)), None)


def new_instance(instance_id: str, name: str, data: str | None, now: datetime) -> Instance:
    """An instance that has not run yet; `data` is its input as JSON text."""
    execution = Execution(execution_id=uuid.uuid4().hex)
    started = events.execution_started(
        now, name=name, execution_id=execution.execution_id, instance_id=instance_id, data=data
    )
    return Instance(
        instance_id=instance_id,
        name=name,
        data=data,
        created=events.timestamp(now),
        updated=events.timestamp(now),
        execution=execution,
        inbox=[started],
    )


def status_json(instance: Instance, *, show_input: bool = True) -> dict[str, Any]:
    """The status as the management URLs return it: order, names and whole seconds as seen on
    the real host.
    """
    return {
        "name": instance.name,
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.status,
        "input": events.decode(instance.data) if instance.data is not None and show_input else None,
        "customStatus": instance.custom_status,
        "output": instance.output,
        "createdTime": _seconds(instance.created),
        "lastUpdatedTime": _seconds(instance.updated),
    }


def _seconds(timestamp: str) -> str:
    return events.parse_timestamp(timestamp).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_json(instance: Instance) -> str:
    """The whole instance as JSON text."""
    return json.dumps(instance, default=vars)


def from_json(text: str) -> Instance:
    """The instance that `to_json` wrote."""
    fields = json.loads(text)
    return Instance(**{**fields, "execution": execution_from_json(fields["execution"])})
