"""History events, as the Durable extension passes them to azure-functions-durable.

Names, numbers and fields: azure.durable_functions.models.history (HistoryEventType, HistoryEvent);
which fields are there in which event was seen on the real host (Durable extension 3.15).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

type HistoryEvent = Mapping[str, Any]


class HistoryEventType(IntEnum):
    """DurableTask.Core.History.EventType, the part used here."""

    EXECUTION_STARTED = 0
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_RAISED = 15


def timestamp(moment: datetime) -> str:
    """A moment (aware) as the extension writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """The moment that a text of `timestamp` stands for."""
    return datetime.fromisoformat(text)


def _event(
    kind: HistoryEventType, at: datetime, *, event_id: int = -1, **fields: object
) -> HistoryEvent:
    return {
        "EventType": kind.value,
        "EventId": event_id,
        "IsPlayed": False,
        "Timestamp": timestamp(at),
        **fields,
    }


def execution_started(
    at: datetime, *, name: str, execution_id: str, instance_id: str, data: str | None
) -> HistoryEvent:
    """`data` is the orchestration's input as JSON text, None without one."""
    instance = {"InstanceId": instance_id, "ExecutionId": execution_id}
    # The library reads Version without asking whether it is there
    # (DurableOrchestrationContext._extract_version_from_history).
    return _event(
        HistoryEventType.EXECUTION_STARTED,
        at,
        OrchestrationInstance=instance,
        Name=name,
        Version=None,
        Input=data,
    )


def orchestrator_started(at: datetime) -> HistoryEvent:
    """Opens a batch; its timestamp is the orchestrator's clock
    (TaskOrchestrationExecutor.process_event).
    """
    return _event(HistoryEventType.ORCHESTRATOR_STARTED, at)


def orchestrator_completed(at: datetime) -> HistoryEvent:
    """The event that ends a batch."""
    return _event(HistoryEventType.ORCHESTRATOR_COMPLETED, at)


def task_scheduled(at: datetime, task_id: int, name: str) -> HistoryEvent:
    """An activity was called."""
    return _event(
        HistoryEventType.TASK_SCHEDULED, at, event_id=task_id, Name=name, Version="", Input=None
    )


def task_completed(at: datetime, task_id: int, result: str | None) -> HistoryEvent:
    """An activity returned `result`, JSON text."""
    return _event(HistoryEventType.TASK_COMPLETED, at, TaskScheduledId=task_id, Result=result)


def task_failed(at: datetime, task_id: int, reason: str, details: str) -> HistoryEvent:
    """An activity raised; the orchestrator sees `reason` and `details` joined."""
    return _event(
        HistoryEventType.TASK_FAILED, at, TaskScheduledId=task_id, Reason=reason, Details=details
    )


def timer_created(at: datetime, timer_id: int, fire_at: datetime) -> HistoryEvent:
    """A timer was set, by the orchestrator or between two attempts."""
    return _event(HistoryEventType.TIMER_CREATED, at, event_id=timer_id, FireAt=timestamp(fire_at))


def timer_fired(at: datetime, timer_id: int, fire_at: datetime) -> HistoryEvent:
    """A timer has fired."""
    return _event(HistoryEventType.TIMER_FIRED, at, TimerId=timer_id, FireAt=timestamp(fire_at))


def event_raised(at: datetime, name: str, data: str) -> HistoryEvent:
    """A client raised an event; `data` is JSON text."""
    return _event(HistoryEventType.EVENT_RAISED, at, Name=name, Input=data)


def decode(data: str) -> Any:
    """The value of JSON text. A client's input is encoded twice, so this returns JSON text
    for it.
    """
    return json.loads(data)
