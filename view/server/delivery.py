"""How delivery goes, asked of the app every few seconds (docs/how-to/see-how-delivery-goes.md)."""

from __future__ import annotations

import asyncio
from typing import Final

from shared.core.wire.json.json_shape import JsonObject
from view.server.app_client import AppClient, AppUnreachable

_EVERY_S: Final = 10.0


class DeliveryStatus:
    """The app's `/ops/status`."""

    def __init__(self, app: AppClient | None) -> None:
        self._app = app
        self.latest: JsonObject | None = None  # None: not available

    async def run(self) -> None:
        """Ask until it is cancelled."""
        while self._app is not None and self._app.can_operate:
            self.latest = await self._asked(self._app)
            await asyncio.sleep(_EVERY_S)

    async def _asked(self, app: AppClient) -> JsonObject | None:
        try:
            status, answer = await app.operate("GET", "status")
        except AppUnreachable:
            return None
        return answer if status == 200 else None
