"""Reconcile: one orchestration at a time compares windows and queues what is missing. A timer
starts it, or an operator.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.access import Guard
from shared.adapters.worker_library import ReleasingResponse
from shared.completeness.reconciliation import Reconciliation
from shared.core import api_error
from shared.error_response import ErrorResponse
from shared.settings.settings import Settings

INSTANCE: Final = "reconcile"  # one at a time: while this instance runs, no other is started
_AT_ONCE: Final = 4  # windows; each holds about 20 MB at a million exchanges an hour
_RETRIES: Final = df.RetryOptions(
    first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=3
)
_SUMMED: Final = (
    "captured",
    "delivered",
    "redelivered",
    "aborted",
    "dead_lettered",
    "not_requeued",
)
_SHOWN: Final = 24
_ACTIVE: Final = frozenset(
    {df.OrchestrationRuntimeStatus.Running, df.OrchestrationRuntimeStatus.Pending}
)


def blueprint(reconciliation: Reconciliation, settings: Settings, guard: Guard) -> df.Blueprint:
    """Functions `reconcile_timer`, `reconcile_start`, `reconcile` and its activities."""
    completeness = df.Blueprint()
    longest_s = settings.limits.exchange_s + settings.reconcile.grace_s
    look_back = timedelta(seconds=settings.reconcile.look_back_s)

    @completeness.function_name("reconcile_timer")
    @completeness.timer_trigger(arg_name="timer", schedule=settings.reconcile.schedule)
    @completeness.durable_client_input(client_name="client")
    async def on_schedule(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
        await _start(client, {"longest_s": longest_s, "open_too": False})

    @completeness.function_name("reconcile_start")
    @completeness.route("ops/reconcile", methods=["POST"], auth_level=guard.operator_level)
    @completeness.durable_client_input(client_name="client")
    async def on_demand(req: Request, client: df.DurableOrchestrationClient) -> Response:
        return ReleasingResponse(req, await guard.operator(req) or await _answer(client, longest_s))

    @completeness.function_name("reconcile")
    @completeness.orchestration_trigger(context_name="context")
    def reconcile(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
        return orchestrate(context)

    @completeness.function_name("reconcile_precheck")
    @completeness.activity_trigger(input_name="nothing")
    async def blocked_reason(nothing: str) -> str | None:
        return await reconciliation.blocked_reason()

    @completeness.function_name("reconcile_open_windows")
    @completeness.activity_trigger(input_name="asked")
    async def open_windows(asked: dict) -> list[str]:  # type: ignore[type-arg]  # the library takes plain classes only
        return await reconciliation.open_windows(
            datetime.fromisoformat(asked["until"]), look_back, open_too=asked["open_too"]
        )

    @completeness.function_name("reconcile_window")
    @completeness.activity_trigger(input_name="asked")
    async def reconcile_window(asked: dict) -> dict[str, Any]:  # type: ignore[type-arg]
        return await reconciliation.reconcile(
            asked["window"], datetime.fromisoformat(asked["until"])
        )

    return completeness


async def _answer(client: df.DurableOrchestrationClient, longest_s: float) -> Response:
    if not await _start(client, {"longest_s": longest_s, "open_too": True}):
        return ErrorResponse(api_error.reconcile_running())
    links = client.create_http_management_payload(INSTANCE)
    return JSONResponse(links, 202, {"location": links["statusQueryGetUri"], "retry-after": "5"})


async def _start(client: df.DurableOrchestrationClient, asked: dict[str, Any]) -> bool:
    status = await client.get_status(INSTANCE)
    if status.runtime_status in _ACTIVE:
        return False
    await client.start_new("reconcile", INSTANCE, asked)
    return True


def orchestrate(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Deterministic: it looks at nothing but its input and its history."""
    asked: dict[str, Any] = context.get_input()
    blocked_reason = yield context.call_activity_with_retry("reconcile_precheck", _RETRIES, "")
    if blocked_reason:
        context.set_custom_status({"waiting": blocked_reason})
        return {"waiting": blocked_reason, "windows": []}
    until = (context.current_utc_datetime - timedelta(seconds=asked["longest_s"])).isoformat()
    windows = yield context.call_activity_with_retry(
        "reconcile_open_windows", _RETRIES, {"until": until, "open_too": asked["open_too"]}
    )
    reports: list[dict[str, Any]] = []
    for first in range(0, len(windows), _AT_ONCE):
        calls = [
            context.call_activity_with_retry(
                "reconcile_window", _RETRIES, {"window": window, "until": until}
            )
            for window in windows[first : first + _AT_ONCE]
        ]
        reports += yield context.task_all(calls)
        blocked_reason = next((report["waiting"] for report in reports if report["waiting"]), None)
        context.set_custom_status({"waiting": blocked_reason, **_progress(reports, len(windows))})
        if blocked_reason:  # the next run goes on
            break
    return {"waiting": blocked_reason, "windows": reports}


def _progress(reports: list[dict[str, Any]], windows_total: int) -> dict[str, Any]:
    """Sums, and the newest windows in which something is missing: a custom status
    may hold 16 KB.
    """
    sums = {name: sum(report[name] for report in reports) for name in _SUMMED}
    incomplete = [report for report in reports if not report["complete"]][-_SHOWN:]
    return {
        "windows_done": len(reports),
        "windows_total": windows_total,
        **sums,
        "incomplete": incomplete,
    }
