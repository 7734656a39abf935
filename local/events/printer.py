"""Prints the events of an Event Hub as they arrive, and what keeps them from coming."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from local.events.colour import has_colours, paint, plain
from local.events.text import summary
from shared.core.conversation import searched_text
from view.exchange.received_event import ReceivedEvent
from view.exchange.row import of_event
from view.filters import Filter, matches
from view.options import EventHubAddress
from view.sources.event_hub import EventFeed

_STATE_EVERY_S: Final = 1.0


class EventPrinter:
    """Prints the events that match."""

    def __init__(self, query: Filter, out: TextIO, *, as_json: bool) -> None:
        self._query = query
        self._out = out
        self._as_json = as_json
        self._paint = paint if has_colours(out) else plain

    async def take(self, received: Sequence[ReceivedEvent], _positions: Mapping[str, int]) -> None:
        """Print the events that match."""
        for one in received:
            if self._matches(one):
                line = (
                    json.dumps(one.event, ensure_ascii=False)
                    if self._as_json
                    else summary(one.event, self._paint)
                )
                print(line, file=self._out, flush=True)

    def _matches(self, received: ReceivedEvent) -> bool:
        row = of_event(received)
        return row is not None and matches(self._query, row, lambda: searched_text(received.event))


async def follow(
    address: EventHubAddress, printer: EventPrinter, *, since_minutes: float | None
) -> None:
    """Print until it is cancelled, and say on standard error what keeps events from coming."""
    feed = EventFeed(address, printer.take, positions={}, since_minutes=since_minutes)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(feed.run())
        tasks.create_task(_report(feed))


async def _report(feed: EventFeed) -> None:
    reported = None
    while True:
        if feed.state.error != reported and feed.state.error:
            print(f"fnsse: {feed.state.error}", file=sys.stderr, flush=True)
        reported = feed.state.error
        await asyncio.sleep(_STATE_EVERY_S)
