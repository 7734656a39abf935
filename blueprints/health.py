"""Health: is the worker there, and can it reach what it needs. Anonymous, and silent about hosts,
accounts and keys.
"""

from __future__ import annotations

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from shared.adapters.worker_library import ReleasingResponse
from shared.health.readiness import Readiness


def blueprint(readiness: Readiness) -> func.Blueprint:
    """Functions `health` and `health_ready`."""
    health = func.Blueprint()  # type: ignore[no-untyped-call]

    @health.function_name("health")
    @health.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def alive(req: Request) -> Response:
        return ReleasingResponse(req, JSONResponse({"status": "ok"}))

    @health.function_name("health_ready")
    @health.route("health/ready", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def ready(req: Request) -> Response:
        states = await readiness.check()
        whole = all(state == "reachable" for state in states.values())
        answer = {"status": "ready" if whole else "not ready", **states}
        return ReleasingResponse(req, JSONResponse(answer, 200 if whole else 503))

    return health
