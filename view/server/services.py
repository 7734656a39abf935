"""What the routes of the page work with."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from view.options import Options
from view.server.live import Live
from view.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """One for the server's life."""

    options: Options
    store: Store
    live: Live


def services_of(request: Request) -> Services:
    """The services of the server that took the request."""
    services: Services = request.app.state.services
    return services
