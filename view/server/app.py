"""All routes of the page's server."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from shared.core.records.exchange.outcome import Outcome
from view.errors import CaptureUnavailable, FilterError
from view.filters.keys import KEYS
from view.server import actions, charts, exchanges, playground
from view.server.closing_response import ClosingResponse
from view.server.faults import FAULTS
from view.server.guard import TokenGuard
from view.server.page_files import PAGE, PageFiles, import_map_source
from view.server.query import filter_of
from view.server.services import Services, services_of

_PROJECT: Final = Path(__file__).resolve().parents[2] / "pyproject.toml"
_EXCHANGE: Final = "/api/exchanges/{exchange_id}"


def build(services: Services, *, token: str | None, page: Path = PAGE) -> Starlette:
    """The server. `token`: needed of every caller; None if only this machine reaches it."""
    guard = Middleware(
        TokenGuard,
        names={services.options.host.lower()},
        token=token,
        script_source=import_map_source(page),
    )
    app = Starlette(
        routes=[
            Route("/api/about", _about),
            Route("/api/exchanges", exchanges.list_exchanges),
            Route(_EXCHANGE, exchanges.read_exchange),
            Route(_EXCHANGE + "/capture", exchanges.read_capture),
            Route(_EXCHANGE + "/capture/{kind}", exchanges.read_body),
            Route("/api/live", _live),
            Route("/api/charts", charts.charts),
            Route("/api/playground", playground.ask, methods=["POST"]),
            Route("/api/ops/runs/{run}", actions.run),
            Route("/api/ops/{action}", actions.change, methods=["POST"]),
            Route("/api/ops/{action}", actions.read),
            Mount("/", PageFiles(page)),
        ],
        middleware=[guard],
        exception_handlers={
            FilterError: _bad_filter,
            CaptureUnavailable: _unavailable,
            HTTPException: _error_response,
        },
    )
    app.state.services = services
    return app


async def _about(request: Request) -> Response:
    return JSONResponse(about(services_of(request)))


def about(services: Services) -> Mapping[str, object]:
    """The facts that the page needs at its start."""
    options, app = services.options, services.app
    is_local = options.mode == "local"
    return {
        "mode": options.mode,
        "version": tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["version"],
        "proxy": app.url if app else None,
        "hub": options.event_hub.name,
        "can": {
            "playground": app is not None,
            "captures": services.captures is not None,
            "ops": app is not None and app.has_operator_key,
        },
        "faults": [fault.to_json() for fault in FAULTS] if is_local else [],
        "deployments": options.deployments
        or ((playground.DEFAULT_DEPLOYMENT,) if is_local else ()),
        "outcomes": [outcome.value for outcome in Outcome],
        "keys": [
            {
                "name": key.name,
                "aliases": key.aliases,
                "kind": key.kind.name.lower(),
                "meaning": key.meaning,
            }
            for key in KEYS
        ],
    }


async def _live(request: Request) -> Response:
    stream = services_of(request).live.stream(filter_of(request))
    return ClosingResponse(stream, stream.aclose, media_type="text/event-stream")


async def _bad_filter(_request: Request, error: Exception) -> Response:
    at = error.at if isinstance(error, FilterError) else 0
    return JSONResponse({"error": {"message": str(error), "at": at}}, 400)


async def _unavailable(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, CaptureUnavailable) else 500
    return JSONResponse({"error": {"message": str(error)}}, status)


async def _error_response(_request: Request, error: Exception) -> Response:
    status, detail = (
        (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    )
    return JSONResponse({"error": {"message": detail}}, status)
