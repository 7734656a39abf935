"""The flat cost of provisioned throughput, shared among callers by use.

A deployment that is billed by the hour costs the same, whatever is called. A caller's share of it
is the share of what its calls would have cost by the token, at list prices. The function
`provisioned` of infra/queries/analysts does the same in KQL.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from shared.core.cost.cost import CostStatus, cost
from shared.core.cost.quantities import Quantities
from shared.core.cost.rates import BEGINNING, END, RateCard
from shared.errors import RateError

UNUSED: Final = "unused"  # who bears the cost of a deployment that nobody used
_COLUMNS: Final = ("deployment", "units", "unit_hour", "currency", "valid_from", "valid_to")
_HOUR: Final = timedelta(hours=1)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """A provisioned deployment, from a time until another."""

    deployment: str
    units: int
    unit_hour: Decimal  # the price of one unit
    currency: str
    valid_from: datetime
    valid_to: datetime

    def amount(self, since: datetime, until: datetime) -> Decimal:
        """Its cost within a range of time."""
        span = min(self.valid_to, until) - max(self.valid_from, since)
        if span <= timedelta():
            return _ZERO
        microseconds = span // timedelta(microseconds=1)
        hours = Decimal(microseconds) / (_HOUR // timedelta(microseconds=1))
        return self.units * self.unit_hour * hours


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One call of a provisioned deployment."""

    deployment: str
    caller: str
    weight: Decimal | None  # its cost at list prices; None: not known


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A caller's share of a deployment's flat cost."""

    deployment: str
    caller: str  # UNUSED: nobody used it
    exchanges: int
    unweighted: int  # exchanges without a list price, which have no share of the amount
    amount: Decimal
    currency: str


def parse_reservations(text: str) -> tuple[Reservation, ...]:
    """The reservations in a CSV. Raises RateError, naming the line."""
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != _COLUMNS:
        raise RateError(f"reservations: the columns must be {', '.join(_COLUMNS)}")
    reservations = []
    for row in rows:
        try:
            reservations.append(_reservation(row))
        except (ValueError, InvalidOperation, TypeError) as error:
            raise RateError(f"line {rows.line_num} is not a reservation: {error}") from None
    return tuple(reservations)


def _reservation(row: dict[str, str]) -> Reservation:
    return Reservation(
        deployment=row["deployment"],
        units=int(row["units"]),
        unit_hour=Decimal(row["unit_hour"]),
        currency=row["currency"],
        valid_from=_moment(row["valid_from"]) or BEGINNING,
        valid_to=_moment(row["valid_to"]) or END,
    )


def _moment(written: str) -> datetime | None:
    if not written:
        return None
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def weight(quantities: Quantities, rates: RateCard, at: datetime) -> Decimal | None:
    """The cost that an exchange of a provisioned deployment would have had by the token; None if
    that is not known. A call that spilled over is billed by the token, so it has no share.
    """
    if cost(quantities, rates, at).status is not CostStatus.PROVISIONED:
        return _ZERO
    return cost(replace(quantities, spilled_over=True), rates, at).amount


def shares(
    reservations: Iterable[Reservation], uses: Iterable[Use], since: datetime, until: datetime
) -> list[Share]:
    """Each caller's share of each deployment's cost between two times, the largest first. `uses`:
    the calls between them. Shares of a deployment sum to its cost.
    """
    flat: defaultdict[str, Decimal] = defaultdict(Decimal)
    currencies: dict[str, str] = {}
    for reservation in reservations:
        amount = reservation.amount(since, until)
        if amount:
            flat[reservation.deployment] += amount
            currencies[reservation.deployment] = reservation.currency
    by_caller: defaultdict[str, defaultdict[str, list[Use]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for use in uses:
        by_caller[use.deployment][use.caller].append(use)
    caller_shares = [
        share
        for deployment, amount in flat.items()
        for share in _shares(deployment, amount, currencies[deployment], by_caller[deployment])
    ]
    return sorted(caller_shares, key=lambda share: share.amount, reverse=True)


def _shares(
    deployment: str, amount: Decimal, currency: str, by_caller: dict[str, list[Use]]
) -> list[Share]:
    weights = {
        caller: sum((use.weight or _ZERO for use in uses), _ZERO)
        for caller, uses in by_caller.items()
    }
    total = sum(weights.values(), _ZERO)
    if not total:
        everyone = [use for uses in by_caller.values() for use in uses]
        by_caller, weights, total = {UNUSED: everyone}, {UNUSED: amount}, amount
    return [
        Share(
            deployment=deployment,
            caller=caller,
            exchanges=len(uses),
            unweighted=sum(use.weight is None for use in uses),
            amount=amount * weights[caller] / total,
            currency=currency,
        )
        for caller, uses in by_caller.items()
    ]
