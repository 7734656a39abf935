"""python -m local.drill: rehearse outages on a running `make run`."""

from __future__ import annotations

import argparse
import sys

from local.drill.rehearsal import Drill, outages
from local.drill.summary import summary
from local.events.feed import LocalEventFeed
from local.running import add_folder_option, find
from local.stack import StackError


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: nothing was lost; 1: something was, or the drill could not begin."""
    options = _parser().parse_args(arguments)
    try:
        running = find(options.folder)
        selected = outages(options.storage, options.event_hub, running)
        with LocalEventFeed(running.event_hub_settings, from_start=False) as feed:
            drill = Drill(running, options.folder, feed, lambda line: print(line, flush=True))
            nothing_lost = drill.run(selected)
    except StackError as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: what was taken away is back")
        return 1
    print("\n" + "\n".join(summary(drill.calls, nothing_lost=nothing_lost)))
    return 0 if nothing_lost else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.drill",
        description="Rehearse outages on a running `make run`: what users, /health/ready, alerts "
        "and the Event Hub see, and that nothing is lost.",
    )
    parser.add_argument(
        "--storage", type=float, default=20, metavar="S", help="seconds without storage; default 20"
    )
    parser.add_argument(
        "--event-hub",
        type=float,
        default=20,
        metavar="S",
        help="seconds without the Event Hub; default 20",
    )
    add_folder_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
