"""The state that an orchestrator returns after a run over its history.

Shape: azure.durable_functions.models.OrchestratorState and models.actions. A failed run raises an
exception whose text holds the same state after a label
(TaskOrchestrationExecutor.get_orchestrator_state_str).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from emulators.functions_host.durable.events import parse_timestamp

_LABEL: Final = "\n\n$OutOfProcData$:"


class UnsupportedAction(Exception):
    """The orchestrator uses an action that this engine lacks; the message names it."""

    def __init__(self, feature: str) -> None:
        super().__init__(
            f"{feature} not supported by the embedded Functions host; use `func start` for that"
        )


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """azure.durable_functions.RetryOptions."""

    interval_ms: int
    max_attempts: int


@dataclass(frozen=True, kw_only=True)
class CallActivity:
    """Call a function; `data` is its input as JSON text."""

    name: str
    data: str | None
    retry: RetryPolicy | None

    @property
    def kind(self) -> str:
        """The properties that must be equal in every replay."""
        return f"activity {self.name}"


@dataclass(frozen=True, kw_only=True)
class CreateTimer:
    """Wake up at a moment, unless cancelled."""

    fire_at: datetime
    cancelled: bool

    kind = "timer"


@dataclass(frozen=True, kw_only=True)
class WaitForEvent:
    """Wait for an event of this name."""

    name: str

    @property
    def kind(self) -> str:
        """The members that must be equal in every replay."""
        return f"event {self.name}"


@dataclass(frozen=True, kw_only=True)
class ContinueAsNew:
    """Restart with this input (JSON text)."""

    data: str | None

    kind = "continue as new"


type OrchestratorAction = CallActivity | CreateTimer | WaitForEvent | ContinueAsNew


@dataclass(frozen=True, kw_only=True)
class OrchestratorState:
    """The orchestrator's state after a run."""

    # all actions of the generation, in the order in which the library numbers their tasks
    actions: tuple[OrchestratorAction, ...]
    done: bool
    output: Any
    error: str | None  # the text of the exception that the orchestrator raised
    custom_status: Any  # None clears it: the library omits an empty one


def parse_state(text: str) -> OrchestratorState:
    """Parse a state. Raises UnsupportedAction for an action that this engine lacks."""
    return _orchestrator_state(json.loads(text))


def parse_failure(message: str) -> OrchestratorState:
    """Parse a failed run's message. It has no state if the function failed before the library could
    report one.
    """
    error, label, state = message.partition(_LABEL)
    if not label:
        return OrchestratorState(
            actions=(), done=True, output=None, error=error, custom_status=None
        )
    return _orchestrator_state(json.loads(state))


def _orchestrator_state(state: Mapping[str, Any]) -> OrchestratorState:
    return OrchestratorState(
        actions=tuple(
            action for group in state["actions"] for one in group for action in _flat(one)
        ),
        done=state["isDone"],
        output=state.get("output"),
        error=state.get("error"),
        custom_status=state.get("customStatus"),
    )


_REFUSED: Final = {
    2: "Sub-orchestrations are",
    3: "Sub-orchestrations are",
    7: "Calling an entity is",
    8: "Calling HTTP from an orchestrator is",
    9: "Signalling an entity is",
}


def _flat(action: Mapping[str, Any]) -> Iterator[OrchestratorAction]:
    """Numbers: azure.durable_functions.models.actions.ActionType."""
    match action["actionType"]:
        case 0 | 1:
            yield CallActivity(
                name=action["functionName"],
                data=action.get("input"),
                retry=_retry(action.get("retryOptions")),
            )
        case 4:
            yield ContinueAsNew(data=action.get("input"))
        case 5:
            yield CreateTimer(
                fire_at=parse_timestamp(action["fireAt"]), cancelled=action["isCanceled"]
            )
        case 6:
            yield WaitForEvent(name=action["externalEventName"])
        case 11 | 12:  # task_any, task_all; a retried activity is one as well
            for inner in action["compoundActions"]:
                yield from _flat(inner)
        case other:
            raise UnsupportedAction(_REFUSED.get(other, f"The orchestrator's action {other} is"))


def _retry(options: Mapping[str, int] | None) -> RetryPolicy | None:
    if options is None:
        return None
    return RetryPolicy(
        interval_ms=options["firstRetryIntervalInMilliseconds"],
        max_attempts=options["maxNumberOfAttempts"],
    )
