"""Runs an orchestrator on the embedded host's engine without a host, and replays what it recorded.

The orchestrator runs on the real azure-functions-durable; activities are plain functions; time is
virtual, so that a timer of an hour costs nothing. Each turn is recorded: the context the
orchestrator got, and its state.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df

from emulators.functions_host.durable import events
from emulators.functions_host.durable.events import HistoryEvent
from emulators.functions_host.durable.instance import Instance, from_json, new_instance, to_json
from emulators.functions_host.durable.orchestrator_state import (
    OrchestratorState,
    parse_failure,
    parse_state,
)

type Orchestrator = Callable[[df.DurableOrchestrationContext], Generator[Any, Any, Any]]
type Activity = Callable[[Any], Any]

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
_ACTIVITY_TAKES = timedelta(milliseconds=100)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One run of the orchestrator."""

    context: Mapping[str, Any]
    state: OrchestratorState


@dataclass(kw_only=True)
class OrchestrationRun:
    """An instance, from its start to its end."""

    instance: Instance
    turns: list[Turn] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)  # of activities: name and input
    now: datetime = START

    def history(self) -> list[tuple[str, int]]:
        """Return type and id of the last generation's events, without those that open and end a
        batch.
        """
        ids = {"TASK_SCHEDULED": "EventId", "TIMER_CREATED": "EventId", "TIMER_FIRED": "TimerId"}
        return [
            (
                name := events.HistoryEventType(event["EventType"]).name,
                event.get(ids.get(name, "TaskScheduledId"), -1),
            )
            for event in self.instance.execution.history
            if event["EventType"]
            not in {
                events.HistoryEventType.ORCHESTRATOR_STARTED,
                events.HistoryEventType.ORCHESTRATOR_COMPLETED,
            }
        ]


def state_of(orchestrate: Orchestrator, context: Mapping[str, Any]) -> OrchestratorState:
    """Run the orchestrator once."""
    handle = df.Orchestrator.create(orchestrate)
    try:
        with warnings.catch_warnings():
            # once: results could be given a type
            warnings.simplefilter("ignore", DeprecationWarning)
            state = handle(json.dumps(context))
    except Exception as error:  # noqa: BLE001 - how the library says that the orchestrator raised, whatever that was
        return parse_failure(str(error))
    return parse_state(state)


def run(
    orchestrate: Orchestrator,
    data: Any = None,
    activities: Mapping[str, Activity] | None = None,
    raised: Mapping[str, Any] | None = None,
    *,
    turns: int = 10_000,
) -> OrchestrationRun:
    """Run an orchestration to its end, or for so many turns. What ends first is delivered first;
    `raised`: events, at once.
    """
    # as the client library sends it
    encoded = None if data is None else json.dumps(json.dumps(data))
    recorded = OrchestrationRun(
        instance=new_instance("an-instance", "orchestrator", encoded, START)
    )
    for name, value in (raised or {}).items():
        recorded.instance.inbox.append(events.event_raised(START, name, json.dumps(value)))
    while recorded.instance.active and len(recorded.turns) < turns:
        # as if the host had been started again
        recorded.instance = from_json(to_json(recorded.instance))
        event = recorded.instance.next_event()
        if event is None:
            recorded.instance.inbox.append(_ended_first(recorded, activities or {}))
            continue
        context = recorded.instance.execution.context("an-instance", event, recorded.now)
        state = state_of(orchestrate, context)
        recorded.turns.append(Turn(context=context, state=state))
        recorded.instance.turn(recorded.now, state)
    return recorded


def _ended_first(recorded: OrchestrationRun, activities: Mapping[str, Activity]) -> HistoryEvent:
    """Call the activity that waits longest; without one, let the next timer fire."""
    for task_id, activity in recorded.instance.open_activities():
        recorded.now += _ACTIVITY_TAKES
        data = json.loads(activity.data or "null")
        recorded.calls.append((activity.name, data))
        try:
            result = activities[activity.name](data)
        except Exception as error:  # noqa: BLE001 - an activity may raise anything
            return events.task_failed(recorded.now, task_id, f"{type(error).__name__}: {error}", "")
        return events.task_completed(recorded.now, task_id, json.dumps(result))
    timers = [
        (events.parse_timestamp(timer.fire_at), timer_id)
        for timer_id, timer in recorded.instance.open_timers()
    ]
    assert timers, "the orchestration waits for something that never comes"
    fire_at, timer_id = min(timers)
    recorded.now = max(recorded.now, fire_at)
    return events.timer_fired(recorded.now, timer_id, fire_at)


def assert_deterministic(
    orchestrate: Orchestrator, recorded: OrchestrationRun, *, every: int = 1
) -> None:
    """Replay recorded turns: each gives the recorded answer, and each prefix of a generation's
    history requests what the prefix before it did.

    `every`: replay only every nth turn, for long histories.
    """
    for turn in [*recorded.turns[::every], recorded.turns[-1]]:
        assert state_of(orchestrate, turn.context) == turn.state
    for turn in _last_turns(recorded.turns):
        previous: list[str] = []
        history = turn.context["history"]
        for count in range(2, len(history) + 1, every):
            kinds = [
                action.kind
                for action in state_of(
                    orchestrate, {**turn.context, "history": history[:count]}
                ).actions
            ]
            assert kinds[: len(previous)] == previous, history[:count]
            previous = kinds


def _last_turns(turns: Sequence[Turn]) -> Iterator[Turn]:
    """The last turn of each generation: its history begins with those of the turns before it, but
    for the marks of what is played again.
    """
    histories = [_without_marks(turn.context["history"]) for turn in turns]
    for turn, history, following in zip(turns, histories, [*histories[1:], []], strict=True):
        if following[: len(history)] != history:
            yield turn


def _without_marks(history: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    return [{**event, "IsPlayed": None} for event in history]
