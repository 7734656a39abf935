"""The price of an exchange, by the card of rates (docs/reference/cost.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.core.cost.billing_inputs import quantities_of
from shared.core.cost.cost import cost
from shared.core.cost.rates import RateCard
from shared.core.wire.json.json_shape import JsonObject, text


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The amount and how far it can be trusted."""

    amount: float | None  # None: not known
    currency: str | None
    status: str  # exact | estimated | provisioned | repeated | missing | unpriced
    parts: dict[str, float]  # by part; they sum to the amount

    def to_json(self) -> JsonObject:
        """The price as a JSON object."""
        return {
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "parts": dict(self.parts),
        }


def price_of(event: JsonObject, card: RateCard) -> Price:
    """The price at the time at which the exchange ended. The event must have a row."""
    ended_at = datetime.fromisoformat(text(event.get("timestamp"))).replace(tzinfo=UTC)
    exchange_cost = cost(quantities_of(event), card, ended_at)
    return Price(
        amount=None if exchange_cost.amount is None else float(exchange_cost.amount),
        currency=exchange_cost.currency,
        status=exchange_cost.status.value,
        parts={part: float(amount) for part, amount in exchange_cost.parts.items()},
    )
