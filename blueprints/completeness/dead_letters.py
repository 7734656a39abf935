"""The HTTP functions that operators call for single exchanges; none of them is for callers."""

from __future__ import annotations

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.access import Guard
from shared.adapters.worker_library import ReleasingResponse
from shared.completeness.dead_letters import DeadLetters
from shared.core import api_error
from shared.core.records.exchange_id import started_at
from shared.error_response import ErrorResponse
from shared.errors import CaptureError, EnvelopeError


def blueprint(dead_letters: DeadLetters, guard: Guard) -> func.Blueprint:
    """Functions `ops_dead_letters`, `ops_requeue` and `ops_erase`."""
    ops = func.Blueprint()  # type: ignore[no-untyped-call]

    @ops.function_name("ops_dead_letters")
    @ops.route("ops/dead-letters", methods=["GET"], auth_level=guard.operator_level)
    async def list_dead_letters(req: Request) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req)
            or JSONResponse({"dead_letters": await dead_letters.list_oldest()}),
        )

    @ops.function_name("ops_requeue")
    @ops.route("ops/dead-letters/{exchange_id}", methods=["POST"], auth_level=guard.operator_level)
    async def requeue(req: Request) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req)
            or await _requeue(dead_letters, req.path_params["exchange_id"]),
        )

    @ops.function_name("ops_erase")
    @ops.route("ops/exchanges/{exchange_id}", methods=["DELETE"], auth_level=guard.operator_level)
    async def erase(req: Request) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req) or await _erase(dead_letters, req.path_params["exchange_id"]),
        )

    return ops


async def _requeue(dead_letters: DeadLetters, exchange_id: str) -> Response:
    if not _is_exchange_id(exchange_id):
        return ErrorResponse(api_error.invalid_exchange_id())
    try:
        found = await dead_letters.requeue(exchange_id)
    except (CaptureError, EnvelopeError) as error:
        return ErrorResponse(api_error.still_unreadable(str(error)))
    return (
        JSONResponse({"queued": exchange_id}, 202)
        if found
        else ErrorResponse(api_error.unknown_exchange())
    )


async def _erase(dead_letters: DeadLetters, exchange_id: str) -> Response:
    if not _is_exchange_id(exchange_id):
        return ErrorResponse(api_error.invalid_exchange_id())
    erased = await dead_letters.erase(exchange_id)
    note = "What is on the Event Hub is out of reach: it goes when the hub's retention, and that of its consumers, ends."
    return (
        JSONResponse({"erased": exchange_id, "note": note})
        if erased
        else ErrorResponse(api_error.unknown_exchange())
    )


def _is_exchange_id(text: str) -> bool:
    try:
        started_at(text)
    except ValueError:
        return False
    return True
