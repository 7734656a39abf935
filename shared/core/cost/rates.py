"""A card of rates: CSV with a row for each model, type of deployment, tier and range of time.

docs/reference/cost.md describes the columns.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final

from shared.core.cost.quantities import PARTS, TOKENS, TOOLS
from shared.errors import RateError

# How many units of a part a rate is the price of.
UNITS: Final = {
    **dict.fromkeys((*TOKENS, "characters", "routed_input"), Decimal(1_000_000)),
    **dict.fromkeys(("seconds", "images", *TOOLS), Decimal(1_000)),
}
# The model of the row that holds the prices common to all models.
ANY_MODEL: Final = "*"
_KEY: Final = ("model", "sku", "zone", "tier", "variant")
COLUMNS: Final = (
    *_KEY,
    "context_above",
    "valid_from",
    "valid_to",
    "currency",
    *PARTS,
    "as_of",
    "source",
)
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC)

type RateKey = tuple[str, str, str, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """The prices of one model for one type of deployment, from a time until another."""

    model: str
    sku: str  # GlobalStandard, DataZoneStandard, Standard; "": any
    zone: str  # of a data zone: us, eu; else ""
    tier: str  # priority, flex, batch; "": the default
    variant: str  # of an image: its quality and its size; else ""
    context_above: int  # for inputs of more tokens than this
    valid_from: datetime
    valid_to: datetime
    currency: str
    prices: dict[str, Decimal]  # by part, of UNITS[part] units; a part that is missing has no price
    as_of: str  # date at which the source was read
    source: str

    @property
    def key(self) -> RateKey:
        """Rates with one key differ only in their times and prices."""
        return self.model, self.sku, self.zone, self.tier, self.variant


@dataclass(frozen=True, kw_only=True, slots=True)
class CardTexts:
    """A card of rates as its files hold it."""

    base: str  # CSV
    overlay: str | None = None  # the name of a company's own card


class RateCard:
    """Rates by key. An overlay's rates come before those of the card below it."""

    def __init__(
        self, rates: Iterable[Rate], below: RateCard | None = None, version: str = ""
    ) -> None:
        self.version = version
        self._rates: dict[RateKey, list[Rate]] = defaultdict(list)
        self._below = below
        for rate in rates:
            self._rates[rate.key].append(rate)
        for series in self._rates.values():
            series.sort(key=lambda rate: (rate.context_above, rate.valid_from))

    def __iter__(self) -> Iterator[Rate]:
        for series in self._rates.values():
            yield from series

    def find(self, key: RateKey, input_tokens: int, at: datetime) -> Rate | None:
        """The rate that holds at a time for an input of so many tokens; None if there is none."""
        valid = [
            rate
            for rate in self._rates.get(key, ())
            if rate.valid_from <= at < rate.valid_to and _applies(rate, input_tokens)
        ]
        if valid:
            return valid[-1]
        return self._below.find(key, input_tokens, at) if self._below else None


def parse_card(texts: CardTexts) -> RateCard:
    """The card of a base and an overlay. Raises RateError."""
    base = _checked_rates("the base", texts.base, gaps=True)
    version = hashlib.sha256(f"{texts.base}{texts.overlay or ''}".encode()).hexdigest()[:12]
    if texts.overlay is None:
        return RateCard(base, version=version)
    overlay = _checked_rates("the overlay", texts.overlay, gaps=False)
    if {rate.currency for rate in overlay} - {rate.currency for rate in base}:
        raise RateError("the overlay's currency is not that of the base")
    return RateCard(overlay, below=RateCard(base), version=version)


def _checked_rates(name: str, text: str, *, gaps: bool) -> list[Rate]:
    rates = parse(text)
    found = problems(rates, gaps=gaps)
    if found:
        raise RateError(f"{name}: {'; '.join(found)}")
    return rates


def parse(text: str) -> list[Rate]:
    """The rates in a CSV. A column that it lacks is empty. Raises RateError, naming the line."""
    rows = csv.DictReader(io.StringIO(text))
    unknown = set(rows.fieldnames or ()) - set(COLUMNS)
    if unknown:
        raise RateError(f"unknown columns: {', '.join(sorted(map(str, unknown)))}")
    rates = []
    for row in rows:
        try:
            rates.append(_rate(dict.fromkeys(COLUMNS, "") | row))
        except (ValueError, InvalidOperation, TypeError) as error:
            raise RateError(f"line {rows.line_num} is not a rate: {error}") from None
    return rates


def write(rates: Iterable[Rate]) -> str:
    """The CSV that `parse` reads, in a fixed order."""
    output = io.StringIO()
    writer = csv.DictWriter(output, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for rate in sorted(rates, key=lambda rate: (*rate.key, rate.context_above, rate.valid_from)):
        writer.writerow(
            {name: getattr(rate, name) for name in (*_KEY, "currency", "as_of", "source")}
            | {
                "context_above": rate.context_above or "",
                "valid_from": "" if rate.valid_from == BEGINNING else f"{rate.valid_from:%F}",
                "valid_to": "" if rate.valid_to == END else f"{rate.valid_to:%F}",
            }
            | {part: f"{price.normalize():f}" for part, price in rate.prices.items()}
        )
    return output.getvalue()


def problems(rates: Iterable[Rate], *, gaps: bool = True) -> list[str]:
    """Overlaps of the rates, and gaps between them, in words. An overlay may have gaps: what it
    does not price has the price of the card below it.
    """
    by_key: dict[tuple[RateKey, int], list[Rate]] = defaultdict(list)
    for rate in rates:
        by_key[rate.key, rate.context_above].append(rate)
    problems: list[str] = []
    for (key, above), series in sorted(by_key.items()):
        name = " ".join(part for part in key if part) + (f" above {above}" if above else "")
        series.sort(key=lambda rate: rate.valid_from)
        problems += [f"{name}: {problem}" for problem in _of_series(series, gaps=gaps)]
    currencies = {rate.currency for series in by_key.values() for rate in series}
    if len(currencies) > 1:
        problems.append(f"several currencies: {', '.join(sorted(currencies))}")
    return problems


def _of_series(series: list[Rate], *, gaps: bool) -> Iterator[str]:
    for earlier, later in pairwise(series):
        if later.valid_from < earlier.valid_to:
            yield f"two rates at {later.valid_from:%F}"
        elif gaps and later.valid_from > earlier.valid_to:
            yield f"no rate from {earlier.valid_to:%F} to {later.valid_from:%F}"
    if gaps and series[-1].valid_to != END:
        yield f"no rate from {series[-1].valid_to:%F}"
    yield from (
        f"ends before it begins, {rate.valid_to:%F}"
        for rate in series
        if rate.valid_to <= rate.valid_from
    )


def _applies(rate: Rate, input_tokens: int) -> bool:
    return not rate.context_above or input_tokens > rate.context_above


def _rate(row: dict[str, str]) -> Rate:
    prices = {part: Decimal(row[part]) for part in PARTS if row[part]}
    if any(not price.is_finite() or price < 0 for price in prices.values()):
        raise ValueError("a price is negative")
    if not row["model"] or not row["currency"] or not row["source"]:
        raise ValueError("model, currency and source must be there")
    return Rate(
        model=row["model"].lower(),
        sku=row["sku"],
        zone=row["zone"],
        tier=row["tier"],
        variant=row["variant"],
        context_above=int(row["context_above"] or 0),
        valid_from=_time(row["valid_from"]) or BEGINNING,
        valid_to=_time(row["valid_to"]) or END,
        currency=row["currency"],
        prices=prices,
        as_of=row["as_of"],
        source=row["source"],
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
