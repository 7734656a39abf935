"""The cost of exchanges, from their events, and of fnsse itself.

`make cost EVENT=.local/events/ID.json` prices an exchange, `make cost CALLS=1e6` a month of fnsse,
`make cost` writes the table of docs/how-to/estimate-cost.md. `make cost EVENT='.local/events/*'
FROM=… TO=…` also shares the flat cost of provisioned deployments by use.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from local import own_cost
from shared import rate_files
from shared.core.cost.billing_inputs import quantities_of
from shared.core.cost.cost import Cost, CostStatus, cost
from shared.core.cost.provisioned import Share, Use, shares, weight
from shared.core.cost.quantities import Quantities, parts_of
from shared.core.cost.rates import RateCard
from shared.core.wire.json.json_shape import JsonObject, mapping, text


def event_cost(event: JsonObject, card: RateCard) -> tuple[Quantities, Cost]:
    """The quantities that are billed of an event's exchange, and their cost when it ended."""
    quantities = quantities_of(event)
    return quantities, cost(quantities, card, _ended_at(event))


def _ended_at(event: JsonObject) -> datetime:
    return datetime.fromisoformat(text(event.get("timestamp"))).replace(tzinfo=UTC)


def lines(quantities: Quantities, amount_due: Cost) -> Iterator[str]:
    """The cost in words: the amount, then each part with its quantity."""
    yield f"{_amount(amount_due.amount, amount_due.currency)}  {amount_due.status}"
    model = quantities.model or "unknown model"
    yield f"  {model}, {quantities.sku or 'type of the deployment not known'}"
    for part, quantity in parts_of(quantities).items():
        amount = amount_due.parts.get(part)
        yield f"  {part:17} {quantity:>12,}  {_price(amount, amount_due)}"


def use_of(event: JsonObject, card: RateCard) -> Use | None:
    """The use that an event's exchange made of a provisioned deployment; None if it made none."""
    quantities, amount_due = event_cost(event, card)
    if amount_due.status is not CostStatus.PROVISIONED:
        return None
    caller = mapping(event.get("caller"))
    names = (text(caller.get(name)) for name in ("team", "product", "subscription"))
    return Use(
        deployment=text(event.get("deployment")),
        caller=next(filter(None, names), "unknown"),
        weight=weight(quantities, card, _ended_at(event)),
    )


def share_lines(amount_due: list[Share]) -> Iterator[str]:
    """A line for each share of a reservation."""
    for share in amount_due:
        unweighted = f", {share.unweighted} without a list price" if share.unweighted else ""
        yield (
            f"{share.deployment:24} {share.caller:16} {share.amount:>12,.2f} {share.currency}  "
            f"{share.exchanges} calls{unweighted}"
        )


def _price(amount: Decimal | None, amount_due: Cost) -> str:
    if amount is not None:
        return _amount(amount, amount_due.currency)
    return "no rate" if amount_due.unpriced else "-"


def _amount(amount: Decimal | None, currency: str | None) -> str:
    if amount is None:
        return "amount not known"
    written = f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"
    return f"{written} {currency}" if currency else written


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
        within = (event for event in events if since <= _ended_at(event) < until)
        uses = [use for event in within if (use := use_of(event, card)) is not None]
        reservations = rate_files.read_reservations(options.rates)
        print("\n".join(share_lines(shares(reservations, uses, since, until))))


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    main()
