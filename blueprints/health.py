"""Health: whether the worker runs, and whether it can reach its dependencies. Anonymous; the
responses name no hosts, accounts or keys.
"""

from __future__ import annotations

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from shared.adapters.http_invocations import ReleasingResponse
from shared.health.readiness import Readiness


def blueprint(readiness: Readiness) -> func.Blueprint:
    """Functions `health` and `health_ready`."""
    functions = func.Blueprint()  # type: ignore[no-untyped-call]

    @functions.function_name("health")
    @functions.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def check_alive(req: Request) -> Response:
        return ReleasingResponse(req, JSONResponse({"status": "ok"}))

    @functions.function_name("health_ready")
    @functions.route("health/ready", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def check_ready(req: Request) -> Response:
        states = await readiness.check()
        ready = all(state == "reachable" for state in states.values())
        response = {"status": "ready" if ready else "not ready", **states, **readiness.notices}
        return ReleasingResponse(req, JSONResponse(response, 200 if ready else 503))

    return functions
