"""The HTTP functions that operators call for single exchanges; none of them is for callers."""

from __future__ import annotations

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.guard import Guard
from shared.adapters.worker_library import ReleasingResponse
from shared.completeness.dead_letters import Parking
from shared.core import api_error
from shared.core.records.exchange_id import started_at
from shared.error_response import ErrorResponse
from shared.errors import CaptureError, EnvelopeError


def blueprint(parking: Parking, guard: Guard) -> func.Blueprint:
    """Functions `ops_parked`, `ops_queue_again` and `ops_erase`."""
    ops = func.Blueprint()  # type: ignore[no-untyped-call]

    @ops.function_name("ops_parked")
    @ops.route("ops/parked", methods=["GET"], auth_level=guard.operator_level)
    async def parked(req: Request) -> Response:
        return ReleasingResponse(
            req, await guard.operator(req) or JSONResponse({"parked": await parking.parked()})
        )

    @ops.function_name("ops_queue_again")
    @ops.route("ops/parked/{exchange_id}", methods=["POST"], auth_level=guard.operator_level)
    async def queue_again(req: Request) -> Response:
        return ReleasingResponse(
            req,
            await guard.operator(req)
            or await _queue_again(parking, req.path_params["exchange_id"]),
        )

    @ops.function_name("ops_erase")
    @ops.route("ops/exchanges/{exchange_id}", methods=["DELETE"], auth_level=guard.operator_level)
    async def erase(req: Request) -> Response:
        return ReleasingResponse(
            req, await guard.operator(req) or await _erase(parking, req.path_params["exchange_id"])
        )

    return ops


async def _queue_again(parking: Parking, exchange_id: str) -> Response:
    if not _is_exchange_id(exchange_id):
        return ErrorResponse(api_error.invalid_exchange_id())
    try:
        found = await parking.queue_again(exchange_id)
    except (CaptureError, EnvelopeError) as error:
        return ErrorResponse(api_error.still_unreadable(str(error)))
    return (
        JSONResponse({"queued": exchange_id}, 202)
        if found
        else ErrorResponse(api_error.unknown_exchange())
    )


async def _erase(parking: Parking, exchange_id: str) -> Response:
    if not _is_exchange_id(exchange_id):
        return ErrorResponse(api_error.invalid_exchange_id())
    erased = await parking.erase(exchange_id)
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
