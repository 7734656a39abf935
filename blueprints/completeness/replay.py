"""Replay: an operator names a time range. Its exchanges are delivered again, with `replayed: true`
and the same ids.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import azure.durable_functions as df
from azurefunctions.extensions.http.fastapi import Request, Response

from blueprints.access import Guard
from blueprints.operator_http import accepted, json_body
from shared.completeness.replay import ReplayRunner
from shared.core import api_errors
from shared.core.records.operator import replay_request
from shared.core.records.orchestration.replay_state import PageInput, ReplayPage, ReplayState
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import OperatorRequestError
from shared.http.error_response import ErrorResponse
from shared.http.releasing_response import ReleasingResponse

_RETRIES: Final = df.RetryOptions(
    first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=5
)
# while live work fills the queue, or the Event Hub is not ready
_PAUSE: Final = timedelta(seconds=5)
# Then the orchestration continues as new: each turn parses its whole history, 17 ms of CPU at 50
# pages, 68 at 200.
_PAGES_PER_GENERATION: Final = 50


def blueprint(runner: ReplayRunner, retention_days: int, guard: Guard) -> df.Blueprint:
    """Functions `replay_start`, `replay` and its activity."""
    functions = df.Blueprint()
    retention = timedelta(days=retention_days)

    @functions.function_name("replay_start")
    @functions.route("ops/replay", methods=["POST"], auth_level=guard.operator_level)
    @functions.durable_client_input(client_name="client")
    async def start(req: Request, client: df.DurableOrchestrationClient) -> Response:
        return ReleasingResponse(
            req, await guard.operator(req) or await _start(req, client, retention)
        )

    @functions.function_name("replay")
    @functions.orchestration_trigger(context_name="context")
    def replay(
        context: df.DurableOrchestrationContext,
    ) -> Generator[Any, Any, dict[str, int] | None]:
        return orchestrate(context)

    # The library takes only plain classes as an activity's input, so not JsonObject.
    @functions.function_name("replay_page")
    @functions.activity_trigger(input_name="fields")
    async def replay_page(fields: object) -> JsonObject:
        page = PageInput.from_json(fields)
        request = replay_request.from_json(page.replay)
        result = await runner.queue_page(page.instance, request, page.window, page.marker)
        return result.to_json()

    return functions


async def _start(
    req: Request, client: df.DurableOrchestrationClient, retention: timedelta
) -> Response:
    try:
        body = await json_body(req, replay_request.EXAMPLE)
        request = replay_request.parse(body, datetime.now(UTC), retention)
    except OperatorRequestError as error:
        return ErrorResponse(api_errors.invalid_replay(str(error)))
    state = ReplayState.of(request)
    instance = await client.start_new("replay", client_input=state.to_json())
    return accepted(client.create_http_management_payload(instance))


def orchestrate(
    context: df.DurableOrchestrationContext,
) -> Generator[Any, Any, dict[str, int] | None]:
    """Queue the pages of a replay one after the other.

    The function is deterministic. Its input is its state, so that it can continue as new.
    """
    state = ReplayState.from_json(context.get_input())
    for _ in range(_PAGES_PER_GENERATION):
        if state.finished:
            return state.progress()
        page_input = PageInput.next_of(context.instance_id, state).to_json()
        fields = yield context.call_activity_with_retry("replay_page", _RETRIES, page_input)
        page = ReplayPage.from_json(fields)
        if page.waiting:
            context.set_custom_status({"waiting": page.waiting, **state.progress()})
            yield context.create_timer(context.current_utc_datetime + _PAUSE)
            continue
        state = state.after(page)
        context.set_custom_status({"waiting": None, **state.progress()})
    context.continue_as_new(state.to_json())
    return None
