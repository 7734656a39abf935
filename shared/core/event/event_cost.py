"""The cost of an exchange within its event, for consumers without a place that joins prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from shared.core.cost.cost import cost
from shared.core.cost.rates import RateCard
from shared.core.event.shape import Event, EventCost


def with_cost(event: Event, card: RateCard | None) -> Event:
    """The event with its cost by a card; without one, the event as it is."""
    if card is None:
        return event
    ended_at = datetime.fromisoformat(event.timestamp).replace(tzinfo=UTC)
    amounts = cost(event.quantities, card, ended_at)
    return replace(
        event,
        cost=EventCost(
            status=amounts.status,
            amount=None if amounts.amount is None else _text(amounts.amount),
            currency=amounts.currency,
            parts={part: _text(amount) for part, amount in amounts.parts.items()},
            unpriced=amounts.unpriced,
            card=card.version,
        ),
    )


def _text(amount: Decimal) -> str:
    """The amount without an exponent, and without zeros at its end."""
    return f"{amount.normalize():f}" if amount else "0"
