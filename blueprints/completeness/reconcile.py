"""Reconcile: an orchestration compares windows and queues the missing exchanges. A timer or an
operator starts it, and one runs at a time.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from blueprints.access import Guard
from blueprints.operator_http import accepted
from shared.completeness.reconciliation import Reconciliation
from shared.core import api_errors
from shared.core.records.completeness.report import Report
from shared.core.records.orchestration.reconcile_state import (
    OpenWindowsInput,
    ReconcileOptions,
    WindowInput,
    progress,
)
from shared.core.wire.json.json_shape import JsonObject, mapping
from shared.http.error_response import ErrorResponse
from shared.http.releasing_response import ReleasingResponse
from shared.ports.blobs import StartLock
from shared.settings.settings import ReconcileSettings

INSTANCE: Final = "reconcile"  # while this instance runs, no other is started
_MAX_CONCURRENT: Final = 4  # windows; each holds about 20 MB at a million exchanges an hour
_RETRIES: Final = df.RetryOptions(
    first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=3
)
_ACTIVE: Final = frozenset(
    {df.OrchestrationRuntimeStatus.Running, df.OrchestrationRuntimeStatus.Pending}
)


def blueprint(
    reconciliation: Reconciliation,
    settings: ReconcileSettings,
    guard: Guard,
    start_lock: StartLock,
    *,
    max_age_s: float,
) -> df.Blueprint:
    """Functions `reconcile_timer`, `reconcile_start`, `reconcile` and its activities. `max_age_s`:
    an exchange that is older is not running any more.
    """
    functions = df.Blueprint()
    _add_starters(functions, settings.schedule, guard, start_lock, max_age_s)
    _add_orchestration(functions, reconciliation, timedelta(seconds=settings.look_back_s))
    return functions


def _add_starters(
    functions: df.Blueprint, schedule: str, guard: Guard, start_lock: StartLock, max_age_s: float
) -> None:
    """Add the timer, and the route that operators call."""

    @functions.function_name("reconcile_timer")
    @functions.timer_trigger(arg_name="timer", schedule=schedule)
    @functions.durable_client_input(client_name="client")
    async def on_schedule(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
        await start_run(
            client, start_lock, ReconcileOptions(max_age_s=max_age_s, include_open=False)
        )

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
    """Add the orchestration and its activities."""

    @functions.function_name("reconcile")
    @functions.orchestration_trigger(context_name="context")
    def reconcile(context: df.DurableOrchestrationContext) -> Generator[Any, Any, JsonObject]:
        return orchestrate(context)

    @functions.function_name("reconcile_precheck")
    @functions.activity_trigger(input_name="nothing")
    async def precheck(nothing: str) -> str | None:
        return await reconciliation.precheck()

    # The library takes only plain classes as an activity's input, so not JsonObject.
    @functions.function_name("reconcile_open_windows")
    @functions.activity_trigger(input_name="fields")
    async def open_windows(fields: object) -> list[str]:
        search = OpenWindowsInput.from_json(mapping(fields))
        return await reconciliation.open_windows(
            search.until, look_back, include_open=search.include_open
        )

    @functions.function_name("reconcile_window")
    @functions.activity_trigger(input_name="fields")
    async def reconcile_window(fields: object) -> JsonObject:
        window = WindowInput.from_json(mapping(fields))
        return (await reconciliation.reconcile(window.window, window.until)).to_json()


async def _respond(
    client: df.DurableOrchestrationClient, start_lock: StartLock, max_age_s: float
) -> Response:
    if not await start_run(
        client, start_lock, ReconcileOptions(max_age_s=max_age_s, include_open=True)
    ):
        return ErrorResponse(api_errors.reconcile_running())
    return accepted(client.create_http_management_payload(INSTANCE))


async def start_run(
    client: df.DurableOrchestrationClient, start_lock: StartLock, options: ReconcileOptions
) -> bool:
    """Start a run. Returns False if one is active, or is being started by another caller.

    Durable would replace a running instance of the same id. So no other caller may start a run
    between the look at the status and the start.
    """
    async with start_lock.hold() as is_holder:
        if not is_holder:
            return False
        status = await client.get_status(INSTANCE)
        if status.runtime_status in _ACTIVE:
            return False
        await client.start_new("reconcile", INSTANCE, options.to_json())
        return True


def orchestrate(context: df.DurableOrchestrationContext) -> Generator[Any, Any, JsonObject]:
    """Reconcile the open windows, a few at a time, and end with their reports.

    The function is deterministic: it depends on nothing but its input and its history.
    """
    options = ReconcileOptions.from_json(context.get_input())
    reason = yield context.call_activity_with_retry("reconcile_precheck", _RETRIES, "")
    if reason:
        context.set_custom_status({"waiting": reason})
        return {"waiting": reason, "windows": []}
    until = context.current_utc_datetime - timedelta(seconds=options.max_age_s)
    search = OpenWindowsInput(until=until, include_open=options.include_open)
    windows = yield context.call_activity_with_retry(
        "reconcile_open_windows", _RETRIES, search.to_json()
    )
    reports: list[Report] = []
    for first in range(0, len(windows), _MAX_CONCURRENT):
        calls = [
            context.call_activity_with_retry(
                "reconcile_window", _RETRIES, WindowInput(window=window, until=until).to_json()
            )
            for window in windows[first : first + _MAX_CONCURRENT]
        ]
        results = yield context.task_all(calls)
        reports += [Report.from_json(fields) for fields in results]
        reason = next((report.waiting for report in reports if report.waiting), None)
        context.set_custom_status({"waiting": reason, **progress(reports, len(windows))})
        if reason:  # the next run continues
            break
    return {"waiting": reason, "windows": [report.to_json() for report in reports]}
