"""Erase: an operator names a person, a subscription or ids, and a time range. The captures of those
exchanges are erased, and a receipt is stored.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, Final

import azure.durable_functions as df
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.access import Guard
from blueprints.operator_http import accepted, json_body
from shared.completeness.erasure import ErasureRunner
from shared.core import api_errors
from shared.core.records.operator import erasure_receipt, erasure_request
from shared.core.records.operator.erasure_receipt import OperatorIdentity
from shared.core.records.orchestration.erasure_state import ErasureInput, ErasureState, ErasureStep
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import OperatorRequestError
from shared.http.error_response import ErrorResponse
from shared.http.releasing_response import ReleasingResponse

_ORCHESTRATION: Final = "erase"  # the name of its function
_RETRIES: Final = df.RetryOptions(
    first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=5
)
# Then the orchestration continues as new: see blueprints.completeness.replay.
_STEPS_PER_GENERATION: Final = 50


def blueprint(runner: ErasureRunner, guard: Guard) -> df.Blueprint:
    """Functions `erase_start`, `ops_erasure`, `ops_erased_ids`, `erase` and its activities."""
    functions = df.Blueprint()
    _add_routes(functions, runner, guard)
    _add_orchestration(functions, runner)
    return functions


def _add_routes(functions: df.Blueprint, runner: ErasureRunner, guard: Guard) -> None:
    """Add the routes that operators call."""

    @functions.function_name("erase_start")
    @functions.route("ops/erase", methods=["POST"], auth_level=guard.operator_level)
    @functions.durable_client_input(client_name="client")
    async def start(req: Request, client: df.DurableOrchestrationClient) -> Response:
        operator = await guard.identify_operator(req)
        return ReleasingResponse(
            req,
            operator
            if isinstance(operator, Response)
            else await _start(req, client, runner, operator),
        )

    @functions.function_name("ops_erasure")
    @functions.route("ops/erase/{run}", methods=["GET"], auth_level=guard.operator_level)
    @functions.durable_client_input(client_name="client")
    async def read_run(req: Request, client: df.DurableOrchestrationClient) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req) or await _read_run(req.path_params["run"], client, runner),
        )

    @functions.function_name("ops_erased_ids")
    @functions.route("ops/erase/{run}/ids", methods=["GET"], auth_level=guard.operator_level)
    async def read_ids(req: Request) -> Response:
        return ReleasingResponse(
            req, await guard.operator(req) or await _read_ids(req.path_params["run"], runner)
        )


def _add_orchestration(functions: df.Blueprint, runner: ErasureRunner) -> None:
    """Add the orchestration and its activities."""

    @functions.function_name("erase")
    @functions.orchestration_trigger(context_name="context")
    def erase(
        context: df.DurableOrchestrationContext,
    ) -> Generator[Any, Any, JsonObject | None]:
        return orchestrate(context)

    # The library takes only plain classes as an activity's input, so not JsonObject.
    @functions.function_name("erase_page")
    @functions.activity_trigger(input_name="fields")
    async def erase_page(fields: object) -> JsonObject:
        return await _erase_page(runner, ErasureInput.from_json(fields))

    @functions.function_name("erase_receipt")
    @functions.activity_trigger(input_name="fields")
    async def erase_receipt(fields: object) -> JsonObject:
        return await _finish(runner, ErasureInput.from_json(fields))


async def _erase_page(runner: ErasureRunner, step: ErasureInput) -> JsonObject:
    request = erasure_request.from_json(step.state.request)
    return (await runner.step(step.run, request, step.state.position)).to_json()


async def _finish(runner: ErasureRunner, step: ErasureInput) -> JsonObject:
    return await runner.finish(
        step.run,
        erasure_request.from_json(step.state.request),
        step.state.operator,
        datetime.fromisoformat(step.state.requested_at),
        step.state.counts,
    )


async def _start(
    req: Request,
    client: df.DurableOrchestrationClient,
    runner: ErasureRunner,
    operator: OperatorIdentity,
) -> Response:
    now = datetime.now(UTC)
    try:
        request = erasure_request.parse(await json_body(req, erasure_request.EXAMPLE), now)
    except OperatorRequestError as error:
        return ErrorResponse(api_errors.invalid_erasure(str(error)))
    state = ErasureState(
        request=request.to_json(),
        operator=operator,
        requested_at=now.isoformat(),
        part_count=runner.part_count(request),
    )
    run = await client.start_new(_ORCHESTRATION, uuid.uuid4().hex, state.to_json())
    links = client.create_http_management_payload(run)
    return accepted(links, run=run, dry_run=request.dry_run)


async def _read_run(
    run: str, client: df.DurableOrchestrationClient, runner: ErasureRunner
) -> Response:
    if not erasure_receipt.is_run(run):
        return ErrorResponse(api_errors.unknown_erasure())
    receipt = await runner.receipt(run)
    status = await client.get_status(run)
    is_known = status.name == _ORCHESTRATION and status.runtime_status is not None
    if receipt is None and not is_known:
        return ErrorResponse(api_errors.unknown_erasure())
    return JSONResponse(
        {
            "run": run,
            "status": status.runtime_status.value if is_known else "Completed",
            "progress": status.custom_status if is_known else None,
            "receipt": receipt,
        }
    )


async def _read_ids(run: str, runner: ErasureRunner) -> Response:
    if not erasure_receipt.is_run(run):
        return ErrorResponse(api_errors.unknown_erasure())
    page = await runner.ids(run)
    if not page and await runner.receipt(run) is None:
        return ErrorResponse(api_errors.unknown_erasure())
    return JSONResponse({"run": run, **page.to_json()})


def orchestrate(
    context: df.DurableOrchestrationContext,
) -> Generator[Any, Any, JsonObject | None]:
    """Erase the pages of a run one after the other, and end with the receipt.

    The function is deterministic. Its input is its state, so that it can continue as new.
    """
    state = ErasureState.from_json(context.get_input())
    for _ in range(_STEPS_PER_GENERATION):
        activity_input = ErasureInput(run=context.instance_id, state=state).to_json()
        if state.finished:
            receipt: JsonObject = yield context.call_activity_with_retry(
                "erase_receipt", _RETRIES, activity_input
            )
            return receipt
        fields = yield context.call_activity_with_retry("erase_page", _RETRIES, activity_input)
        state = state.after(ErasureStep.from_json(fields))
        context.set_custom_status(state.progress())
    context.continue_as_new(state.to_json())
    return None
