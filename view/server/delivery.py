"""How delivery goes, read from the app every few seconds (docs/how-to/see-how-delivery-goes.md)."""

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
        """Read it again and again until cancelled."""
        while self._app is not None and self._app.can_operate:
            self.latest = await self._read(self._app)
            await asyncio.sleep(_EVERY_S)

    async def _read(self, app: AppClient) -> JsonObject | None:
        try:
            status, answer = await app.operate("GET", "status")
        except AppUnreachable:
            return None
        return answer if status == 200 else None
