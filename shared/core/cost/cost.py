"""The cost of an exchange, from its quantities and a card of rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from shared.core.cost.quantities import OF_ANY_MODEL, Quantities, input_tokens, parts_of
from shared.core.cost.rates import ANY_MODEL, UNITS, Rate, RateCard

# Assumed if the operator's setting does not name them; the cost is an estimate then.
DEFAULT_SKU: Final = "GlobalStandard"
DEFAULT_ZONE: Final = "us"
_DATA_ZONE: Final = "DataZoneStandard"
# Types of deployments that are billed by the hour, and what answers if their traffic spills over.
_SPILLOVER: Final = {
    "ProvisionedManaged": "Standard",
    "GlobalProvisionedManaged": "GlobalStandard",
    "DataZoneProvisionedManaged": _DATA_ZONE,
}
# A batch deployment has the rates of the standard one, in a tier of its own.
_BATCH: Final = {"GlobalBatch": "GlobalStandard", "DataZoneBatch": _DATA_ZONE}
_DEFAULT_TIERS: Final = frozenset({"", "auto", "default", "standard"})
_ZERO: Final = Decimal(0)


class CostStatus(StrEnum):
    """How far an amount can be trusted."""

    EXACT = "exact"  # quantities and rates are known
    ESTIMATED = "estimated"  # the quantities, the model or the type of the deployment are assumed
    PROVISIONED = "provisioned"  # billed by the hour: shared.core.cost.provisioned
    REPEATED = "repeated"  # another exchange counts it
    MISSING = "missing"  # the quantities are not known, so the amount is not
    UNPRICED = "unpriced"  # no rate for the model, or for a part of what was used


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """The cost of an exchange."""

    status: CostStatus
    amount: Decimal | None  # None: not known (missing, unpriced)
    currency: str | None  # None: no rate was needed, or none was found
    parts: dict[str, Decimal]  # what each part costs; they sum to the amount
    unpriced: tuple[str, ...] = ()  # the parts that no rate prices; `model`: no rate at all


def cost(quantities: Quantities, rates: RateCard, at: datetime) -> Cost:
    """The cost of an exchange that ended at a time, in exact decimals, not rounded."""
    cost_without_rates = _without_rates(quantities)
    if cost_without_rates is not None:
        return cost_without_rates
    rate = _rate(quantities, rates, at)
    common_rate = rates.find((ANY_MODEL, "", "", "", ""), 0, at)
    amounts: dict[str, Decimal] = {}
    unpriced = []
    for part, quantity in parts_of(quantities).items():
        price = _price(part, rate, common_rate)
        if price is None:
            unpriced.append(part if rate else "model")
        else:
            amounts[part] = Decimal(str(quantity)) * price / UNITS[part]
    currencies = [used.currency for used in (rate, common_rate) if used is not None]
    return Cost(
        status=CostStatus.UNPRICED if unpriced else _status(quantities),
        amount=None if unpriced else sum(amounts.values(), _ZERO),
        currency=currencies[0] if currencies else None,
        parts=amounts,
        unpriced=tuple(dict.fromkeys(unpriced)),
    )


def _without_rates(quantities: Quantities) -> Cost | None:
    """The cost if no rate decides it."""
    provisioned = quantities.sku in _SPILLOVER and not quantities.spilled_over
    status = {
        "repeated": CostStatus.REPEATED,
        "nothing": CostStatus.EXACT,
        "unknown": CostStatus.PROVISIONED if provisioned else CostStatus.MISSING,
    }.get(quantities.basis, CostStatus.PROVISIONED if provisioned else None)
    if status is None:
        return None
    amount = None if status is CostStatus.MISSING else _ZERO
    return Cost(status=status, amount=amount, currency=None, parts={})


def _rate(quantities: Quantities, rates: RateCard, at: datetime) -> Rate | None:
    named_sku = quantities.sku or DEFAULT_SKU
    sku = _SPILLOVER.get(named_sku) or _BATCH.get(named_sku) or named_sku
    zone = (quantities.zone or DEFAULT_ZONE) if sku == _DATA_ZONE else ""
    tier = quantities.service_tier or ""
    if named_sku in _BATCH:
        tier = "batch"
    variant = " ".join(filter(None, (quantities.image_quality, quantities.image_size)))
    key = (
        (quantities.model or "").lower(),
        sku,
        zone,
        "" if tier in _DEFAULT_TIERS else tier,
        variant if quantities.basis == "count" else "",
    )
    return rates.find(key, input_tokens(quantities), at)


def _price(part: str, rate: Rate | None, common_rate: Rate | None) -> Decimal | None:
    holder = common_rate if part in OF_ANY_MODEL else rate
    return holder.prices.get(part) if holder else None


def _status(quantities: Quantities) -> CostStatus:
    zone_is_assumed = (quantities.sku or "").startswith("DataZone") and not quantities.zone
    if (
        quantities.basis == "estimate"
        or quantities.sku is None
        or zone_is_assumed
        or quantities.model_source == "deployment"
    ):
        return CostStatus.ESTIMATED
    return CostStatus.EXACT
