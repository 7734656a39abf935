"""How delivery goes, read from the app every few seconds (docs/how-to/see-how-delivery-goes.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping, mappings, text
from view.server.app_client import AppClient, AppUnreachable

_EVERY_S: Final = 10.0
# Reconcile writes reports every ten minutes, and the app reads a blob for each hour.
_REPORTS_EVERY: Final = 6  # times that the status is read
_HOURS: Final = 12
_REPORT_KEYS: Final = ("captured", "delivered", "dead_lettered", "complete")


class DeliveryStatus:
    """The app's `/ops/status`, and what its reports say of the last hours."""

    def __init__(self, app: AppClient | None) -> None:
        self._app = app
        self.latest: JsonObject | None = None  # None: not available
        self._reports: Sequence[JsonObject] = ()

    @property
    def completeness(self) -> JsonObject | None:
        """How many exchanges were captured, delivered and dead-lettered; None: not available."""
        return None if self.latest is None else completeness(self.latest, self._reports)

    async def run(self) -> None:
        """Read both again and again until cancelled."""
        count = 0
        while self._app is not None and self._app.has_operator_key:
            if count % _REPORTS_EVERY == 0:
                document = await self._read(self._app, "reports", f"hours={_HOURS}")
                self._reports = mappings((document or {}).get("reports"))
            self.latest = await self._read(self._app, "status")
            count += 1
            await asyncio.sleep(_EVERY_S)

    async def _read(self, app: AppClient, route: str, query: str = "") -> JsonObject | None:
        try:
            status, document = await app.call_operator_route("GET", route, query=query)
        except AppUnreachable:
            return None
        return document if status == 200 else None


def completeness(status: JsonObject, reports: Sequence[JsonObject]) -> JsonObject:
    """`{captured, delivered, waiting, dead_letters, lost, hours}`. A count is null if storage did
    not give it.

    `captured` and `delivered`: of the hours in `reports`, when they were last judged; null if there
    is no report. `waiting`: on the queue, and in the memory of the worker that responded. `lost`:
    by that worker. `hours`: oldest first.
    """
    recording = mapping(mapping(status.get("worker")).get("recording"))
    hours = [_hour(report) for report in reversed(reports)]
    return {
        "captured": _sum(hours, "captured"),
        "delivered": _sum(hours, "delivered"),
        "waiting": _waiting(status, recording),
        "dead_letters": integer(mapping(status.get("dead_letters")).get("count")),
        "lost": integer(recording.get("lost")),
        "hours": [*hours],
    }


def _hour(report: JsonObject) -> dict[str, Json]:
    return {
        "window": text(report.get("window")),
        **{name: report.get(name) for name in _REPORT_KEYS},
    }


def _sum(hours: Sequence[JsonObject], name: str) -> int | None:
    return sum(integer(hour.get(name)) or 0 for hour in hours) if hours else None


def _waiting(status: JsonObject, recording: JsonObject) -> int | None:
    queued = integer(mapping(status.get("queue")).get("length"))
    return None if queued is None else queued + (integer(recording.get("waiting")) or 0)
