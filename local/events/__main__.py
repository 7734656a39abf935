"""`make events FILTER='outcome:!completed'`: print the events of the Event Hub as they arrive, a
line each; those that the filter line matches (docs/reference/view-filters.md).

It reads the Event Hub of a running `make run`, or the one that the environment names. Exit code 0
after Ctrl-C, 1 if there is no Event Hub, 2 if the filter cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time

from local.events.printer import EventPrinter, follow
from local.running import add_folder_option, find_event_hub_settings
from local.stack import StackError
from view.errors import FilterError, OptionsError
from view.filters import parse
from view.options import event_hub_of


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
