"""Reconcile: one orchestration at a time compares windows and queues what is missing. A timer or an
operator starts it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, Self

import azure.durable_functions as df
import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from blueprints.access import Guard
from blueprints.operator_http import accepted
from shared.completeness.reconciliation import Reconciliation
from shared.core.api_errors import operator_errors
from shared.core.records.completeness.comparison import COUNTS, Report
from shared.http.error_response import ErrorResponse
from shared.http.releasing_response import ReleasingResponse
from shared.settings.settings import Settings

INSTANCE: Final = "reconcile"  # while this instance runs, no other is started
_MAX_CONCURRENT: Final = 4  # windows; each holds about 20 MB at a million exchanges an hour
_RETRIES: Final = df.RetryOptions(
    first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=3
)
_MAX_SHOWN: Final = 24  # windows: a custom status may hold 16 KB
_ACTIVE: Final = frozenset(
    {df.OrchestrationRuntimeStatus.Running, df.OrchestrationRuntimeStatus.Pending}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """The orchestration's input."""

    max_age_s: float  # an exchange that is older is not running any more
    open_too: bool  # reconcile also windows whose hour has not ended

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The options that `as_json` wrote."""
        return cls(**fields)

    def as_json(self) -> dict[str, Any]:
        """What Durable stores."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenWindowsInput:
    """The input of `reconcile_open_windows`."""

    until: datetime  # what started before is judged
    open_too: bool

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The input that `as_json` wrote."""
        return cls(until=datetime.fromisoformat(fields["until"]), open_too=fields["open_too"])

    def as_json(self) -> dict[str, Any]:
        """What Durable stores."""
        return {"until": self.until.isoformat(), "open_too": self.open_too}


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowInput:
    """The input of `reconcile_window`."""

    window: str
    until: datetime  # what started before is judged

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The input that `as_json` wrote."""
        return cls(window=fields["window"], until=datetime.fromisoformat(fields["until"]))

    def as_json(self) -> dict[str, Any]:
        """What Durable stores."""
        return {"window": self.window, "until": self.until.isoformat()}


class StartLock(Protocol):
    """Lets one starter in at a time, over all instances."""

    def hold(self) -> AbstractAsyncContextManager[bool]:
        """Within it, whether this caller holds it. Raises StorageError, also if what is done
        within it takes longer than it can be held.
        """
        ...


def blueprint(
    reconciliation: Reconciliation, settings: Settings, guard: Guard, start_lock: StartLock
) -> df.Blueprint:
    """Functions `reconcile_timer`, `reconcile_start`, `reconcile` and its activities."""
    functions = df.Blueprint()
    _add_starters(functions, settings, guard, start_lock)
    look_back = timedelta(seconds=settings.reconcile.look_back_s)
    _add_orchestration(functions, reconciliation, look_back)
    return functions


def _add_starters(
    functions: df.Blueprint, settings: Settings, guard: Guard, start_lock: StartLock
) -> None:
    """The timer, and the route that operators call."""
    max_age_s = settings.limits.exchange_s + settings.reconcile.grace_s

    @functions.function_name("reconcile_timer")
    @functions.timer_trigger(arg_name="timer", schedule=settings.reconcile.schedule)
    @functions.durable_client_input(client_name="client")
    async def on_schedule(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
        await start_run(client, start_lock, RunOptions(max_age_s=max_age_s, open_too=False))

    @functions.function_name("reconcile_start")
    @functions.route("ops/reconcile", methods=["POST"], auth_level=guard.operator_level)
    @functions.durable_client_input(client_name="client")
    async def on_demand(req: Request, client: df.DurableOrchestrationClient) -> Response:
        return ReleasingResponse(
            req, await guard.operator(req) or await _respond(client, start_lock, max_age_s)
        )


def _add_orchestration(
    functions: df.Blueprint, reconciliation: Reconciliation, look_back: timedelta
) -> None:
    """The run and its activities."""

    @functions.function_name("reconcile")
    @functions.orchestration_trigger(context_name="context")
    def reconcile(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
        return orchestrate(context)

    @functions.function_name("reconcile_precheck")
    @functions.activity_trigger(input_name="nothing")
    async def precheck(nothing: str) -> str | None:
        return await reconciliation.blocked_reason()

    # The library takes plain classes only as an activity's input.
    @functions.function_name("reconcile_open_windows")
    @functions.activity_trigger(input_name="fields")
    async def open_windows(fields: dict) -> list[str]:  # type: ignore[type-arg]
        step = OpenWindowsInput.from_json(fields)
        return await reconciliation.open_windows(step.until, look_back, open_too=step.open_too)

    @functions.function_name("reconcile_window")
    @functions.activity_trigger(input_name="fields")
    async def reconcile_window(fields: dict) -> dict[str, Any]:  # type: ignore[type-arg]
        step = WindowInput.from_json(fields)
        return (await reconciliation.reconcile(step.window, step.until)).as_json()


async def _respond(
    client: df.DurableOrchestrationClient, start_lock: StartLock, max_age_s: float
) -> Response:
    if not await start_run(client, start_lock, RunOptions(max_age_s=max_age_s, open_too=True)):
        return ErrorResponse(operator_errors.reconcile_running())
    return accepted(client.create_http_management_payload(INSTANCE))


async def start_run(
    client: df.DurableOrchestrationClient, start_lock: StartLock, options: RunOptions
) -> bool:
    """Start a run. Returns False if one is active, or is being started by another caller.

    Durable starts an instance over whose id is running, so looking and starting are one step here.
    """
    async with start_lock.hold() as is_holder:
        if not is_holder:
            return False
        status = await client.get_status(INSTANCE)
        if status.runtime_status in _ACTIVE:
            return False
        await client.start_new("reconcile", INSTANCE, options.as_json())
        return True


def orchestrate(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Deterministic: it depends on nothing but its input and its history."""
    options = RunOptions.from_json(context.get_input())
    reason = yield context.call_activity_with_retry("reconcile_precheck", _RETRIES, "")
    if reason:
        context.set_custom_status({"waiting": reason})
        return {"waiting": reason, "windows": []}
    until = context.current_utc_datetime - timedelta(seconds=options.max_age_s)
    step = OpenWindowsInput(until=until, open_too=options.open_too)
    windows = yield context.call_activity_with_retry(
        "reconcile_open_windows", _RETRIES, step.as_json()
    )
    reports: list[Report] = []
    for first in range(0, len(windows), _MAX_CONCURRENT):
        calls = [
            context.call_activity_with_retry(
                "reconcile_window", _RETRIES, WindowInput(window=window, until=until).as_json()
            )
            for window in windows[first : first + _MAX_CONCURRENT]
        ]
        results = yield context.task_all(calls)
        reports += [Report.from_json(fields) for fields in results]
        reason = next((report.waiting for report in reports if report.waiting), None)
        context.set_custom_status({"waiting": reason, **_progress(reports, len(windows))})
        if reason:  # the next run continues
            break
    return {"waiting": reason, "windows": [report.as_json() for report in reports]}


def _progress(reports: Sequence[Report], windows_total: int) -> dict[str, Any]:
    """Sums, and the newest windows in which something is missing."""
    incomplete = [report.as_json() for report in reports if not report.complete]
    return {
        "windows_done": len(reports),
        "windows_total": windows_total,
        **{name: sum(getattr(report, name) for report in reports) for name in COUNTS},
        "incomplete": incomplete[-_MAX_SHOWN:],
    }
