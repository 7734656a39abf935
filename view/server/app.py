"""All routes of the page's server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from view.errors import FilterError
from view.server import exchanges
from view.server.guard import Guard
from view.server.query import filter_of
from view.server.services import Services, services_of

_PAGE: Final = Path(__file__).resolve().parents[1] / "page"


def build(services: Services, *, token: str | None, page: Path = _PAGE) -> Starlette:
    """The server. `token`: needed of every caller; None if only this machine reaches it."""
    app = Starlette(
        routes=[
            Route("/api/about", _about),
            Route("/api/exchanges", exchanges.listing),
            Route("/api/exchanges/{exchange_id}", exchanges.single),
            Route("/api/live", _live),
            Mount("/", StaticFiles(directory=page, html=True, check_dir=False)),
        ],
        middleware=[Middleware(Guard, names={services.options.host.lower()}, token=token)],
        exception_handlers={FilterError: _bad_filter, HTTPException: _refused},
    )
    app.state.services = services
    return app


async def _about(request: Request) -> Response:
    return JSONResponse(about(services_of(request)))


def about(services: Services) -> Mapping[str, object]:
    """What the page needs to know at its start."""
    options = services.options
    return {"mode": options.mode, "proxy": options.app.url if options.app else None}


async def _live(request: Request) -> Response:
    stream = services_of(request).live.stream(filter_of(request))
    return StreamingResponse(stream, media_type="text/event-stream")


async def _bad_filter(_request: Request, error: Exception) -> Response:
    at = error.at if isinstance(error, FilterError) else 0
    return JSONResponse({"error": {"message": str(error), "at": at}}, 400)


async def _refused(_request: Request, error: Exception) -> Response:
    status, detail = (
        (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    )
    return JSONResponse({"error": {"message": detail}}, status)
