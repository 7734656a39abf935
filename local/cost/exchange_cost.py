"""The cost of exchanges, from their events: its parts, and what is shared of a reservation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from shared.core.cost.billing_inputs import quantities_of
from shared.core.cost.cost import Cost, CostStatus, cost
from shared.core.cost.provisioned import Share, Use, weight
from shared.core.cost.quantities import Quantities, parts_of
from shared.core.cost.rates import RateCard
from shared.core.wire.json.json_shape import JsonObject, mapping, text


def event_cost(event: JsonObject, card: RateCard) -> tuple[Quantities, Cost]:
    """The quantities that are billed of an event's exchange, and their cost when it ended."""
    quantities = quantities_of(event)
    return quantities, cost(quantities, card, ended_at(event))


def ended_at(event: JsonObject) -> datetime:
    """The end of an event's exchange, in UTC."""
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
        weight=weight(quantities, card, ended_at(event)),
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
