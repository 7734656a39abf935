"""`make events FILTER='outcome:!completed'`: print the events of the Event Hub as they arrive, a
line each; those that the filter line matches (docs/reference/view-filters.md).

It reads the Event Hub of a running `make run`, or the one that the environment names. Exit code 0
after Ctrl-C, 1 if there is no Event Hub, 2 if the filter cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from local.colour import has_colours, paint, plain
from local.event_text import summary
from local.running import add_folder_option, find_event_hub_settings
from local.stack import StackError
from shared.core.conversation import searched_text
from view.errors import FilterError, OptionsError
from view.exchange.received import Received
from view.exchange.row import of_event
from view.filters import Filter, matches, parse
from view.options import EventHubAddress, event_hub_of
from view.sources.event_hub import EventFeed

_STATE_EVERY_S: Final = 1.0


class EventPrinter:
    """Prints the events that match."""

    def __init__(self, query: Filter, out: TextIO, *, as_json: bool) -> None:
        self._query = query
        self._out = out
        self._as_json = as_json
        self._paint = paint if has_colours(out) else plain

    async def take(self, received: Sequence[Received], _positions: Mapping[str, int]) -> None:
        """Print the events that match."""
        for one in received:
            if self._matches(one):
                line = (
                    json.dumps(one.event, ensure_ascii=False)
                    if self._as_json
                    else summary(one.event, self._paint)
                )
                print(line, file=self._out, flush=True)

    def _matches(self, received: Received) -> bool:
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


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        query = parse(options.filter, now_ms=round(time.time() * 1000))
        address = event_hub_of(
            find_event_hub_settings(options.folder, os.environ), options.consumer_group
        )
    except FilterError as error:
        print(f"fnsse: {error}\n  {options.filter}\n  {' ' * error.at}^", file=sys.stderr)
        return 2
    except (StackError, OptionsError) as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 1
    printer = EventPrinter(query, sys.stdout, as_json=options.json)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(follow(address, printer, since_minutes=options.since_minutes))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.events",
        description="Prints the events of an Event Hub as they arrive: that of AZURE_EVENTHUB_CONN_STR or "
        "AZURE_EVENTHUB_NAMESPACE, else that of a running `make run`.",
    )
    parser.add_argument(
        "filter", nargs="?", default="", help="such as 'outcome:!completed tokens>1000'"
    )
    parser.add_argument("--json", action="store_true", help="each whole event in a line of JSON")
    parser.add_argument(
        "--since-minutes",
        type=float,
        metavar="N",
        help="events that are at most so old; default: all that the Event Hub has",
    )
    parser.add_argument("--consumer-group", default="$Default", help="default: %(default)s")
    add_folder_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
