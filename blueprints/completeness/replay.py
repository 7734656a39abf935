"""Replay: an operator names a time range; its exchanges are delivered again, with `replayed: true`
and the same ids.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import azure.durable_functions as df
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.access import Guard
from shared.adapters.worker_library import ReleasingResponse
from shared.completeness.replay import ReplayRunner
from shared.core import api_error
from shared.core.records import replay_request
from shared.error_response import ErrorResponse
from shared.errors import ReplayRequestError

_RETRIES: Final = df.RetryOptions(
    first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=5
)
# while live work fills the queue, or the Event Hub is not ready
_PAUSE: Final = timedelta(seconds=5)
# Then the orchestration continues as new: each turn parses its whole history, 17 ms of CPU at 50
# pages, 68 at 200.
_PAGES_A_GENERATION: Final = 50


def blueprint(replay_runner: ReplayRunner, retention_days: int, guard: Guard) -> df.Blueprint:
    """Functions `replay_start`, `replay` and its activity."""
    replays = df.Blueprint()

    @replays.function_name("replay_start")
    @replays.route("ops/replay", methods=["POST"], auth_level=guard.operator_level)
    @replays.durable_client_input(client_name="client")
    async def start(req: Request, client: df.DurableOrchestrationClient) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req) or await _start(req, client, timedelta(days=retention_days)),
        )

    @replays.function_name("replay")
    @replays.orchestration_trigger(context_name="context")
    def replay(
        context: df.DurableOrchestrationContext,
    ) -> Generator[Any, Any, dict[str, Any] | None]:
        return orchestrate(context)

    @replays.function_name("replay_page")
    @replays.activity_trigger(input_name="step")
    async def replay_page(step: dict) -> dict[str, Any]:  # type: ignore[type-arg]  # the library takes plain classes only
        wanted = replay_request.from_json(step["replay"])
        return asdict(
            await replay_runner.page(step["instance"], wanted, step["window"], step["marker"])
        )

    return replays


async def _start(
    req: Request, client: df.DurableOrchestrationClient, retention: timedelta
) -> Response:
    try:
        wanted = replay_request.parse(await _json(req), datetime.now(UTC), retention)
    except ReplayRequestError as error:
        return ErrorResponse(api_error.invalid_replay(str(error)))
    state = {
        "replay": wanted.as_json(),
        "windows": wanted.windows(),
        "done": 0,
        "marker": None,
        "queued": 0,
        "unreadable": 0,
    }
    instance = await client.start_new("replay", client_input=state)
    links = client.create_http_management_payload(instance)
    return JSONResponse(links, 202, {"location": links["statusQueryGetUri"], "retry-after": "5"})


async def _json(req: Request) -> object:
    try:
        return await req.json()
    except (ValueError, RecursionError):
        raise ReplayRequestError(
            'The body must be JSON such as {"from": "2026-11-23T10:00Z", "to": "2026-11-23T12:00Z"}.'
        ) from None


def orchestrate(
    context: df.DurableOrchestrationContext,
) -> Generator[Any, Any, dict[str, Any] | None]:
    """Deterministic. Its input is its state, so that it can continue as new."""
    state: dict[str, Any] = dict(context.get_input())
    for _ in range(_PAGES_A_GENERATION):
        if state["done"] == len(state["windows"]):
            return _progress(state)
        step = {
            "instance": context.instance_id,
            "replay": state["replay"],
            "window": state["windows"][state["done"]],
            "marker": state["marker"],
        }
        page = yield context.call_activity_with_retry("replay_page", _RETRIES, step)
        if page["waiting"]:
            context.set_custom_status({"waiting": page["waiting"], **_progress(state)})
            yield context.create_timer(context.current_utc_datetime + _PAUSE)
            continue
        state["queued"] += page["queued"]
        state["unreadable"] += page["unreadable"]
        state["marker"] = page["marker"]
        state["done"] += page["marker"] is None
        context.set_custom_status({"waiting": None, **_progress(state)})
    context.continue_as_new(state)
    return None


def _progress(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "windows_done": state["done"],
        "windows_total": len(state["windows"]),
        "queued": state["queued"],
        "unreadable": state["unreadable"],
    }
