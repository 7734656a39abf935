"""The dependencies of the page's routes."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from shared.core.cost.rates import RateCard
from view.options import ViewOptions
from view.run_links import RunLinks
from view.server.app_client import AppClient
from view.server.live import Live
from view.sources.captures import CaptureSource
from view.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """One for the server's life. None: the view was started without it."""

    options: ViewOptions
    store: Store
    live: Live
    captures: CaptureSource | None = None
    app: AppClient | None = None
    card: RateCard | None = None
    run_links: RunLinks = field(default_factory=RunLinks)

    async def aclose(self) -> None:
        """Close what was opened, but not the store."""
        if self.captures is not None:
            await self.captures.aclose()
        if self.app is not None:
            await self.app.aclose()


def services_of(request: Request) -> Services:
    """The services of the server that took the request."""
    services: Services = request.app.state.services
    return services
