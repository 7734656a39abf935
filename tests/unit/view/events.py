"""Events as a hub holds them, for tests of the view."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.wire.json.json_shape import Json, JsonObject
from view.exchange.received_event import ReceivedEvent
from view.exchange.row import Row, of_event

_CASES: Final = Path(__file__).parents[2] / "golden" / "cases"
GOLDEN: Final = sorted(path.parent.name for path in _CASES.glob("*/event.json"))
_START: Final = datetime(2026, 11, 27, 10, tzinfo=UTC)


def golden(case: str) -> JsonObject:
    """The event of a golden case."""
    event: JsonObject = json.loads((_CASES / case / "event.json").read_text("utf-8"))
    return event


def sample_event(number: int = 0, /, **changes: Json) -> JsonObject:
    """The golden chat's event as the exchange with this number, which ended so many seconds after
    ten o'clock.
    """
    end = _START + timedelta(seconds=number)
    return {
        **golden("chat"),
        "exchange_id": sample_id(number),
        "timestamp": end.replace(tzinfo=None).isoformat(timespec="microseconds"),
        **changes,
    }


def sample_id(number: int) -> str:
    """The id of the exchange with this number."""
    milliseconds = round(_START.timestamp() * 1000) + number * 1000
    return new_exchange_id(milliseconds, random.Random(number).randbytes(10))  # noqa: S311 - a test's


def receive(*events: JsonObject, enqueued_ms: int | None = None) -> list[ReceivedEvent]:
    """Events as the Event Hub hands them over."""
    return [ReceivedEvent(event=event, enqueued_ms=enqueued_ms) for event in events]


def row_of_event(event: JsonObject) -> Row:
    """The row of an event of fnsse."""
    row = of_event(ReceivedEvent(event=event, enqueued_ms=None))
    assert row is not None
    return row
