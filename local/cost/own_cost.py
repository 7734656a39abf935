"""The monthly cost of fnsse itself, by docs/how-to/estimate-cost.md: `make cost CALLS=1e6`.

Prices come from rates/services.csv. Azure OpenAI, free grants and private endpoints are not in it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from shared import rate_files

FILE: Final = rate_files.FOLDER / "services.csv"
_HOURS: Final = Decimal(730)
_SECONDS: Final = _HOURS * 3600
_TIMER_RUNS: Final = _HOURS * 60  # FOLLOW_SCHEDULE, every minute
_KB_A_GB: Final = Decimal(1_048_576)
_CENT: Final = Decimal("0.01")
CALLS: Final = (100_000, 1_000_000, 50_000_000)  # a row of the table each


class CostKind(StrEnum):
    """Whether a cost grows with the calls."""

    FIXED = "fixed"  # called or not
    VARIABLE = "variable"


class Owner(StrEnum):
    """The part that causes a cost."""

    APP = "app"
    GATEWAY = "gateway"


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The traffic; the letters are those of the page."""

    calls: Decimal  # N, a month
    duration_s: Decimal = Decimal(6)  # d
    concurrency: Decimal = Decimal(10)  # o, exchanges that an active instance handles
    enrichment_s: Decimal = Decimal("0.05")  # e
    memory_gb: Decimal = Decimal(2)  # M
    request_kb: Decimal = Decimal(6)  # q
    response_kb: Decimal = Decimal(24)  # r
    event_kb: Decimal = Decimal(10)  # v
    appended: Decimal = Decimal(2)  # g, entries of one append
    messages: Decimal = Decimal(2)  # b, of one Get Messages
    retention_months: Decimal = Decimal(1)  # m
    instances: Decimal = Decimal(1)  # I, that poll
    throughput_units: Decimal = Decimal(1)  # T
    record_kb: Decimal = Decimal("1.5")  # l
    always_ready: Decimal = Decimal(2)  # instances


@dataclass(frozen=True, kw_only=True, slots=True)
class CostItem:
    """One line of the bill."""

    name: str
    owner: Owner
    kind: CostKind
    price: str  # its name in the file
    quantity: Decimal  # in single units: operations, GB, hours


@dataclass(frozen=True, kw_only=True, slots=True)
class ServicePrice:
    """One price, of so many units, after those that are included in a month."""

    unit: Decimal
    included: Decimal
    price: Decimal

    def amount(self, quantity: Decimal) -> Decimal:
        return max(quantity - self.included, Decimal(0)) / self.unit * self.price


def read_prices(file: Path = FILE) -> dict[str, ServicePrice]:
    """The prices by their names."""
    with file.open(encoding="utf-8") as text:
        return {
            row["name"]: ServicePrice(
                unit=Decimal(row["unit"]),
                included=Decimal(row["included"]),
                price=Decimal(row["price"]),
            )
            for row in csv.DictReader(text)
        }


def items(traffic: Traffic) -> Iterator[CostItem]:
    """Every line of the bill, as the formula of the page."""
    yield from _storage(traffic)
    yield from _functions(traffic)
    yield from _delivery(traffic)
    yield from _gateway(traffic)


def amounts(
    traffic: Traffic, prices: dict[str, ServicePrice]
) -> dict[tuple[Owner, CostKind], Decimal]:
    """The sum of each owner's fixed and variable costs, in cents."""
    sums = {(owner, kind): Decimal(0) for owner in Owner for kind in CostKind}
    for item in items(traffic):
        sums[item.owner, item.kind] += prices[item.price].amount(item.quantity)
    return {key: amount.quantize(_CENT) for key, amount in sums.items()}


def _app(name: str, price: str, quantity: Decimal, kind: CostKind = CostKind.VARIABLE) -> CostItem:
    return CostItem(name=name, owner=Owner.APP, kind=kind, price=price, quantity=quantity)


def _storage(traffic: Traffic) -> Iterator[CostItem]:
    calls, idle = traffic.calls, traffic.instances
    captures_kb = traffic.request_kb + traffic.response_kb
    yield _app("blob writes", "p_blob_write", calls * (2 + 1 / traffic.appended))
    yield _app("blob reads", "p_blob_read", calls * 2)
    yield _app("blob lists", "p_blob_list", calls * 2 / 5000)
    yield _app("queue operations", "p_queue", calls * (2 + 1 / traffic.messages))
    yield _app(
        "stored captures",
        "p_blob_gb_month",
        calls * captures_kb / _KB_A_GB * traffic.retention_months,
    )
    yield _app("lists of reconcile", "p_blob_list", Decimal(19_710), CostKind.FIXED)
    yield _app("looks at follow-ups", "p_queue", _TIMER_RUNS, CostKind.FIXED)
    yield _app("polls of idle queues", "p_queue", (2_628_000 + 481_800) * idle, CostKind.FIXED)
    yield _app("Durable's tables", "p_table", 1_095_000 * idle, CostKind.FIXED)
    yield _app("leases", "p_blob_write", 700_800 * idle, CostKind.FIXED)


def _functions(traffic: Traffic) -> Iterator[CostItem]:
    active_s = traffic.calls * (traffic.duration_s / traffic.concurrency + traffic.enrichment_s)
    yield _app("executions", "p_execution", traffic.calls * 2)
    yield _app("executions of the timer `following`", "p_execution", _TIMER_RUNS, CostKind.FIXED)
    yield _app("active time, GB s", "p_gb_s", active_s * traffic.memory_gb)
    yield _app(
        "always-ready instances, GB s",
        "p_ready_gb_s",
        traffic.always_ready * _SECONDS * traffic.memory_gb,
        CostKind.FIXED,
    )


def _delivery(traffic: Traffic) -> Iterator[CostItem]:
    calls = traffic.calls
    units = (traffic.event_kb / 64).to_integral_value(ROUND_CEILING)  # units of 64 KB
    yield _app("Event Hubs ingress", "p_ingress", calls * units)
    yield _app(
        "Event Hubs throughput units, h",
        "p_tu_h",
        _HOURS * traffic.throughput_units,
        CostKind.FIXED,
    )
    line_kb = Decimal("0.5") / traffic.appended
    yield _app("logs, GB", "p_log_gb", calls * (2 * traffic.record_kb + line_kb) / _KB_A_GB)


def _gateway(traffic: Traffic) -> Iterator[CostItem]:
    lines = (
        ("API Management unit, h", "p_apim_unit_h", _HOURS, CostKind.FIXED),
        ("API Management calls", "p_apim_request", traffic.calls, CostKind.VARIABLE),
        ("logs of the gateway, GB", "p_log_gb", traffic.calls * 3 / _KB_A_GB, CostKind.VARIABLE),
    )
    for name, price, quantity, kind in lines:
        yield CostItem(name=name, owner=Owner.GATEWAY, kind=kind, price=price, quantity=quantity)


def bill(traffic: Traffic, prices: dict[str, ServicePrice]) -> Iterator[str]:
    """Each item of one month, and the sums."""
    for item in items(traffic):
        amount = prices[item.price].amount(item.quantity)
        yield f"{item.owner:8} {item.kind:9} {item.name:32} {item.quantity:>18,.2f} {amount:>12,.2f}"
    sums = amounts(traffic, prices)
    yield ""
    for (owner, kind), amount in sums.items():
        yield f"{owner:8} {kind:9} {amount:>65,.2f}"
    app = sums[Owner.APP, CostKind.FIXED] + sums[Owner.APP, CostKind.VARIABLE]
    yield f"without the gateway {app:>64,.2f}"
    yield f"with the gateway    {sum(sums.values()):>64,.2f} USD"


def table(calls: Iterable[int], prices: dict[str, ServicePrice]) -> Iterator[str]:
    """The table of docs/how-to/estimate-cost.md."""
    yield (
        "| calls a month | fixed | variable | without the gateway | for 1,000 calls "
        "| the gateway, fixed and variable | with the gateway | for 1,000 calls |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for number in calls:
        sums = amounts(Traffic(calls=Decimal(number)), prices)
        fixed, variable = sums[Owner.APP, CostKind.FIXED], sums[Owner.APP, CostKind.VARIABLE]
        gateway = [sums[Owner.GATEWAY, kind] for kind in CostKind]
        app, whole = fixed + variable, fixed + variable + sum(gateway)
        cells = [
            f"{number:,}",
            f"{fixed:,.2f}",
            f"{variable:,.2f}",
            f"{app:,.2f}",
            f"{app / number * 1000:,.3f}",
            f"{gateway[0]:,.2f} and {gateway[1]:,.2f}",
            f"{whole:,.2f}",
            f"{whole / number * 1000:,.3f}",
        ]
        yield f"| {' | '.join(cells)} |"
