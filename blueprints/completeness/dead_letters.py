"""The HTTP functions that operators call for single exchanges."""

from __future__ import annotations

from typing import Final

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.access import Guard
from shared.completeness.dead_letters import DeadLetters
from shared.core import api_errors
from shared.core.records.exchange.exchange_id import is_exchange_id
from shared.errors import CaptureError, EnvelopeError, StorageImmutable
from shared.http.error_response import ErrorResponse
from shared.http.releasing_response import ReleasingResponse

_ERASED_NOTE: Final = (
    "What is on the Event Hub is out of reach: it goes when the hub's retention, and that of its "
    "consumers, ends."
)


def blueprint(dead_letters: DeadLetters, guard: Guard) -> func.Blueprint:
    """Functions `ops_dead_letters`, `ops_requeue` and `ops_erase`."""
    functions = func.Blueprint()

    @functions.function_name("ops_dead_letters")
    @functions.route("ops/dead-letters", methods=["GET"], auth_level=guard.operator_level)
    async def list_dead_letters(req: Request) -> Response:
        return ReleasingResponse(req, await guard.operator(req) or await _list(dead_letters))

    @functions.function_name("ops_requeue")
    @functions.route(
        "ops/dead-letters/{exchange_id}", methods=["POST"], auth_level=guard.operator_level
    )
    async def requeue(req: Request) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req)
            or await _requeue(dead_letters, req.path_params["exchange_id"]),
        )

    @functions.function_name("ops_erase")
    @functions.route(
        "ops/exchanges/{exchange_id}", methods=["DELETE"], auth_level=guard.operator_level
    )
    async def erase(req: Request) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req) or await _erase(dead_letters, req.path_params["exchange_id"]),
        )

    return functions


async def _list(dead_letters: DeadLetters) -> Response:
    records = await dead_letters.list_oldest()
    return JSONResponse({"dead_letters": [record.to_json() for record in records]})


async def _requeue(dead_letters: DeadLetters, exchange_id: str) -> Response:
    if not is_exchange_id(exchange_id):
        return ErrorResponse(api_errors.invalid_exchange_id())
    try:
        requeued = await dead_letters.requeue(exchange_id)
    except (CaptureError, EnvelopeError) as error:
        return ErrorResponse(api_errors.still_unreadable(str(error)))
    return (
        JSONResponse({"queued": exchange_id}, 202)
        if requeued
        else ErrorResponse(api_errors.unknown_exchange())
    )


async def _erase(dead_letters: DeadLetters, exchange_id: str) -> Response:
    if not is_exchange_id(exchange_id):
        return ErrorResponse(api_errors.invalid_exchange_id())
    try:
        erased = await dead_letters.erase(exchange_id)
    except StorageImmutable:
        return ErrorResponse(api_errors.immutable_exchange())
    return (
        JSONResponse({"erased": exchange_id, "note": _ERASED_NOTE})
        if erased
        else ErrorResponse(api_errors.unknown_exchange())
    )
