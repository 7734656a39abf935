"""Health and status: whether the worker runs, and whether it can reach its dependencies. Operators
can read the state of delivery.

The health routes are anonymous; their responses name no hosts, accounts or keys.
"""

from __future__ import annotations

from typing import Final

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from blueprints.access import Guard
from shared.core import api_errors
from shared.health.readiness import Readiness
from shared.health.status import MAX_HOURS, Status, hours_of
from shared.http.error_response import ErrorResponse
from shared.http.releasing_response import ReleasingResponse

_DEFAULT_HOURS: Final = "48"  # the hours whose reports are shown


def blueprint(readiness: Readiness, status: Status, guard: Guard) -> func.Blueprint:
    """Functions `health`, `health_ready`, `ops_status` and `ops_reports`."""
    functions = func.Blueprint()

    @functions.function_name("health")
    @functions.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def check_alive(req: Request) -> Response:
        return ReleasingResponse(req, JSONResponse({"status": "ok"}))

    @functions.function_name("health_ready")
    @functions.route("health/ready", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def check_ready(req: Request) -> Response:
        return ReleasingResponse(req, await _ready(readiness))

    @functions.function_name("ops_status")
    @functions.route("ops/status", methods=["GET"], auth_level=guard.operator_level)
    async def read_status(req: Request) -> Response:
        return ReleasingResponse(
            req, await guard.operator(req) or JSONResponse(await status.read())
        )

    @functions.function_name("ops_reports")
    @functions.route("ops/reports", methods=["GET"], auth_level=guard.operator_level)
    async def read_reports(req: Request) -> Response:
        hours = req.query_params.get("hours", _DEFAULT_HOURS)
        return ReleasingResponse(req, await guard.operator(req) or await _reports(status, hours))

    return functions


async def _ready(readiness: Readiness) -> Response:
    states = await readiness.check()
    if any(state != "reachable" for state in states.values()):
        return JSONResponse({"status": "not ready", **states, **readiness.notices}, 503)
    degraded = readiness.degraded()
    # 200: clients are served, and another instance would fare no better
    name = "degraded" if degraded else "ready"
    reasons = {"degraded": degraded} if degraded else {}
    return JSONResponse({"status": name, **states, **reasons, **readiness.notices})


async def _reports(status: Status, text: str) -> Response:
    hours = hours_of(text)
    if hours is None:
        return ErrorResponse(api_errors.invalid_hours(MAX_HOURS))
    return JSONResponse({"reports": await status.reports(hours)})
