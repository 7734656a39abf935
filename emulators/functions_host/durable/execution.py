"""One generation of an orchestration: its history and its open tasks. Pure: no clock, no I/O.

The library's answer names actions without ids, so ids are given here in the order in which it
numbers its tasks (DurableOrchestrationContext._add_to_open_tasks). A retried activity takes ids
that no action lists (RetryAbleTask in models.Task): a timer after every failure, the last one
included, and another task after each timer but the last. Both sides count alike only if a run adds
one event, so events are delivered one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulators.functions_host.durable import events
from emulators.functions_host.durable.events import HistoryEvent, HistoryEventType
from emulators.functions_host.durable.orchestrator_state import (
    CallActivity,
    CreateTimer,
    OrchestratorAction,
    RetryPolicy,
    WaitForEvent,
)


class NonDeterministic(Exception):
    """A replay scheduled other actions than the run before it; the message names them."""


@dataclass(frozen=True, kw_only=True)
class OpenActivity:
    """A call that has not ended."""

    name: str
    data: str | None  # its input, JSON text
    retry: RetryPolicy | None
    attempt: int = 1


@dataclass(frozen=True, kw_only=True)
class OpenTimer:
    """A timer that has not fired."""

    fire_at: str  # a timestamp
    # the failed attempt that it follows; None: the orchestrator's own timer
    retries: OpenActivity | None = None


@dataclass(frozen=True, kw_only=True)
class _ScheduledAction:
    kind: str
    task_id: int | None  # None: an external event, identified by its name


@dataclass(kw_only=True)
class Execution:
    """One generation of an orchestration."""

    execution_id: str
    history: list[HistoryEvent] = field(default_factory=list)
    # the actions so far, as the orchestrator must repeat them
    scheduled: list[_ScheduledAction] = field(default_factory=list)
    next_id: int = 0
    activities: dict[int, OpenActivity] = field(default_factory=dict)  # by task id
    timers: dict[int, OpenTimer] = field(default_factory=dict)

    def expects(self, event: HistoryEvent) -> bool:
        """Whether an event belongs to an open task; that of a cancelled timer does not."""
        match event["EventType"]:
            case HistoryEventType.TASK_COMPLETED | HistoryEventType.TASK_FAILED:
                return event["TaskScheduledId"] in self.activities
            case HistoryEventType.TIMER_FIRED:
                return event["TimerId"] in self.timers
        return True

    def context(self, instance_id: str, event: HistoryEvent, now: datetime) -> dict[str, Any]:
        """The input of the orchestrator's function when `event` is added to the history."""
        past = [{**event, "IsPlayed": True} for event in self.history]
        started = past[1] if past else event
        data = started["Input"]
        return {
            "history": [*past, *_opening(event, now)],
            "input": None if data is None else events.decode(data),
            "instanceId": instance_id,
            "isReplaying": bool(past),
            "parentInstanceId": None,
            "upperSchemaVersion": 1,
            # The real host offers 3, in which the library cuts timers of more than six days into
            # pieces, for Azure's queues.
            "upperSchemaVersionNew": 2,
        }

    def apply(
        self, event: HistoryEvent, now: datetime, actions: Iterable[OrchestratorAction]
    ) -> None:
        """Add the batch that `event` opened, and the actions that the orchestrator scheduled in it.

        Raises NonDeterministic if they differ from those of the run before.
        """
        self.history += _opening(event, now)
        self._end(event, now)
        requested = tuple(actions)
        self._compare(requested)
        for action in requested[len(self.scheduled) :]:
            self.scheduled.append(
                _ScheduledAction(kind=action.kind, task_id=self._open(action, now))
            )
        self._cancel(requested)
        self.history.append(events.orchestrator_completed(now))

    def _end(self, event: HistoryEvent, now: datetime) -> None:
        match event["EventType"]:
            case HistoryEventType.TASK_COMPLETED:
                del self.activities[event["TaskScheduledId"]]
            case HistoryEventType.TASK_FAILED:
                failed = self.activities.pop(event["TaskScheduledId"])
                if failed.retry:
                    # The real host also waits after the last attempt: seen there.
                    wait_ms = (
                        failed.retry.interval_ms
                        if failed.attempt < failed.retry.max_attempts
                        else 0
                    )
                    self._open_timer(now + timedelta(milliseconds=wait_ms), now, retries=failed)
            case HistoryEventType.TIMER_FIRED:
                failed_before = self.timers.pop(event["TimerId"]).retries
                if (
                    failed_before
                    and failed_before.retry
                    and failed_before.attempt < failed_before.retry.max_attempts
                ):
                    self._open_activity(failed_before, failed_before.attempt + 1, now)

    def _compare(self, actions: tuple[OrchestratorAction, ...]) -> None:
        """Raise DurableTask's NonDeterministicOrchestrationException in the cases that the real
        host checks as well.
        """
        for number, before in enumerate(self.scheduled):
            repeated = actions[number].kind if number < len(actions) else "nothing"
            if repeated != before.kind:
                raise NonDeterministic(
                    f"Non-Deterministic workflow detected: action {number + 1} was {before.kind!r} and is now {repeated!r}"
                )

    def _open(self, action: OrchestratorAction, now: datetime) -> int | None:
        match action:
            case CallActivity():
                return self._open_activity(
                    OpenActivity(name=action.name, data=action.data, retry=action.retry), 1, now
                )
            case CreateTimer():
                return self._open_timer(action.fire_at, now)
            case WaitForEvent():
                return None
        return self._take_id()  # continue as new

    def _open_activity(self, activity: OpenActivity, attempt: int, now: datetime) -> int:
        task_id = self._take_id()
        self.activities[task_id] = OpenActivity(
            name=activity.name, data=activity.data, retry=activity.retry, attempt=attempt
        )
        self.history.append(events.task_scheduled(now, task_id, activity.name))
        return task_id

    def _open_timer(
        self, fire_at: datetime, now: datetime, *, retries: OpenActivity | None = None
    ) -> int:
        timer_id = self._take_id()
        self.timers[timer_id] = OpenTimer(fire_at=events.timestamp(fire_at), retries=retries)
        self.history.append(events.timer_created(now, timer_id, fire_at))
        return timer_id

    def _cancel(self, actions: tuple[OrchestratorAction, ...]) -> None:
        for action, before in zip(actions, self.scheduled, strict=True):
            if isinstance(action, CreateTimer) and action.cancelled and before.task_id is not None:
                self.timers.pop(before.task_id, None)

    def _take_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1


def _opening(event: HistoryEvent, now: datetime) -> list[HistoryEvent]:
    return [events.orchestrator_started(now), event]


def execution_from_json(fields: dict[str, Any]) -> Execution:
    """The Execution whose attributes these are, as json.dumps(…, default=vars) wrote
    them.
    """
    return Execution(
        execution_id=fields["execution_id"],
        history=fields["history"],
        scheduled=[_ScheduledAction(**action) for action in fields["scheduled"]],
        next_id=fields["next_id"],
        activities={
            int(task_id): _activity(call) for task_id, call in fields["activities"].items()
        },
        timers={
            int(timer_id): OpenTimer(
                fire_at=timer["fire_at"],
                retries=_activity(timer["retries"]) if timer["retries"] else None,
            )
            for timer_id, timer in fields["timers"].items()
        },
    )


def _activity(fields: dict[str, Any]) -> OpenActivity:
    retry = fields["retry"]
    return OpenActivity(**{**fields, "retry": RetryPolicy(**retry) if retry else None})
