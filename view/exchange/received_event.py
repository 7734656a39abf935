"""An event as the Event Hub handed it over."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.wire.json.json_shape import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedEvent:
    """An event, and when the Event Hub took it."""

    event: JsonObject
    enqueued_ms: int | None  # Unix time; None: not known
