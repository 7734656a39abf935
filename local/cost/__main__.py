"""The cost of exchanges, from their events, and of fnsse itself.

`make cost EVENT=.local/events/ID.json` prices an exchange, `make cost CALLS=1e6` a month of fnsse,
`make cost` writes the table of docs/how-to/estimate-cost.md. `make cost EVENT='.local/events/*'
FROM=… TO=…` also shares the flat cost of provisioned deployments by use.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from local.cost import own_cost
from local.cost.exchange_cost import ended_at, event_cost, lines, share_lines, use_of
from shared import rate_files
from shared.core.cost.provisioned import shares
from shared.core.wire.json.json_shape import mapping


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.cost", description=__doc__)
    parser.add_argument("event", nargs="*", type=Path, help="a file that holds one event")
    parser.add_argument("--calls", type=Decimal, help="calls a month, of fnsse's own bill")
    parser.add_argument(
        "--rates", type=Path, default=rate_files.FOLDER, help="folder of base.csv and company.csv"
    )
    parser.add_argument("--from", type=_moment, help="share reservations from this time, UTC")
    parser.add_argument("--to", type=_moment, help="until this time, UTC; default: now")
    options = parser.parse_args()
    if options.calls is not None:
        bill = own_cost.bill(own_cost.Traffic(calls=options.calls), own_cost.read_prices())
        print("\n".join(bill))
    elif not options.event:
        print("\n".join(own_cost.table(own_cost.CALLS, own_cost.read_prices())))
    card = rate_files.read_card(options.rates)
    events = [mapping(json.loads(file.read_text("utf-8"))) for file in options.event]
    for file, event in zip(options.event, events, strict=True):
        print(file.stem)
        for line in lines(*event_cost(event, card)):
            print(f"  {line}")
    since, until = getattr(options, "from"), options.to or datetime.now(UTC)
    if since is not None:
        within = (event for event in events if since <= ended_at(event) < until)
        uses = [use for event in within if (use := use_of(event, card)) is not None]
        reservations = rate_files.read_reservations(options.rates)
        print("\n".join(share_lines(shares(reservations, uses, since, until))))


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    main()
