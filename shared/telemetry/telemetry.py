"""Reports delivered exchanges to a collector, each exchange once.

Delivery is at least once, and a metric must not count an exchange twice. A first try, delivered
soon after the exchange's end and noted in the ledger, counts at once: nothing else can have
delivered it. Any other delivery waits until the ledger was asked. It counts if this worker's entry
is the ledger's first one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.core.records.delivery.id_sets import RecentIds
from shared.core.records.exchange.window import Window
from shared.core.telemetry import metrics, spans
from shared.core.telemetry.attributes import TelemetryOptions
from shared.core.telemetry.exchange_telemetry import (
    DeliveryCause,
    DeliveryReport,
    ExchangeTelemetry,
)
from shared.errors import StorageError
from shared.ports.destinations import CollectorExport
from shared.ports.ledger import FirstDeliveries

_log = logging.getLogger("fnsse.telemetry")

MAX_WAITING: Final = 5000  # deliveries for which the ledger has to be asked, about 3 KB each
MAX_WAITING_MESSAGES: Final = 200  # those with prompt and answer: 64 KB each and more
MAX_RECENT: Final = 10_000  # exchanges that this worker remembers to have counted
ASK_INTERVAL_S: Final = 5.0
# The ledger of an hour may hold a million entries: reading it takes a twentieth of the time.
_REST_SHARE: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingReport:
    """A delivery to report, whose exchange may have been counted already."""

    exchange: ExchangeTelemetry
    delivery: DeliveryReport


class Telemetry:
    """Takes reports of deliveries and exports them."""

    def __init__(
        self,
        *,
        collector: CollectorExport,
        ledger: FirstDeliveries,
        options: TelemetryOptions,
        grace_s: float,
        measure_backlog: Callable[[], None] | None = None,
        max_waiting: int = MAX_WAITING,
        max_waiting_messages: int = MAX_WAITING_MESSAGES,
        max_recent: int = MAX_RECENT,
        ask_interval_s: float = ASK_INTERVAL_S,
        now_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`grace_s`: how long after its end an exchange is surely not delivered by anything but its
        first try. `measure_backlog` is called with each delivery, and does not wait.
        """
        self.dropped = 0  # deliveries that were not reported
        self._collector = collector
        self._ledger = ledger
        self._options = options
        self._measure_backlog = measure_backlog
        self._grace_ns = int(grace_s * 1e9)
        self._max_waiting = max_waiting
        self._max_waiting_messages = max_waiting_messages
        self._ask_interval_s = ask_interval_s
        self._now_ns = now_ns
        self._sleep = sleep
        self._recent = RecentIds(max_recent)
        self._waiting: list[PendingReport] = []
        self._waiting_messages = 0  # the entries of _waiting that have messages
        self._asking: asyncio.Task[None] | None = None

    def accepted(
        self, exchange: ExchangeTelemetry, cause: DeliveryCause, queued_ns: int | None
    ) -> None:
        delivery = DeliveryReport(
            cause=cause, queued_ns=queued_ns, accepted_ns=self._now_ns(), first=None
        )
        report = PendingReport(exchange=exchange, delivery=delivery)
        if exchange.exchange_id in self._recent:
            self._export(report, first=False)
        elif self._ledger.lacks_entry(exchange.exchange_id):
            self._export(report, first=None)  # reconcile delivers it again, and that counts
        elif self._is_fresh(report):
            self._export(report, first=True)
        else:
            self._ask_later(report)

    def delivering(self) -> None:
        """A delivery shows that there is a backlog to measure."""
        if self._measure_backlog is not None:
            self._measure_backlog()

    def dead_lettered(self, reason: str) -> None:
        """An exchange can never be delivered."""
        self._collector.add(metrics.dead_lettered(reason))

    def _is_fresh(self, report: PendingReport) -> bool:
        delivery = report.delivery
        age_ns = delivery.accepted_ns - spans.end_ns(report.exchange)
        return delivery.cause is DeliveryCause.RECORDING and age_ns < self._grace_ns

    def _ask_later(self, report: PendingReport) -> None:
        if len(self._waiting) >= self._max_waiting:
            self.dropped += 1
            return
        if report.exchange.messages is not None:
            if self._waiting_messages >= self._max_waiting_messages:
                report = replace(report, exchange=replace(report.exchange, messages=None))
            self._waiting_messages += 1
        self._waiting.append(report)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        rest_s = self._ask_interval_s
        while self._waiting:
            await self._sleep(rest_s)
            reports, self._waiting = self._waiting, []
            self._waiting_messages = 0
            began_at = time.monotonic()
            await self._resolve(reports)
            rest_s = max(self._ask_interval_s, (time.monotonic() - began_at) * _REST_SHARE)

    async def _resolve(self, reports: list[PendingReport]) -> None:
        windows: defaultdict[str, list[PendingReport]] = defaultdict(list)
        for report in reports:
            windows[Window.of_exchange(report.exchange.exchange_id).name].append(report)
        for window, group in windows.items():
            try:
                first = await self._ledger.first_deliveries(
                    window, {report.exchange.exchange_id for report in group}
                )
            except StorageError as error:
                self.dropped += len(group)
                _log.warning("Metrics leave out %d deliveries: %s", len(group), error)
                continue
            for report in group:
                exchange_id = report.exchange.exchange_id
                counts = exchange_id in first and exchange_id not in self._recent
                self._export(report, first=counts)
                await asyncio.sleep(0)  # thousands may wait, and this worker may relay streams

    def _export(self, report: PendingReport, *, first: bool | None) -> None:
        delivery = replace(report.delivery, first=first)
        if first:
            self._recent.add([report.exchange.exchange_id])
        for point in metrics.points_of(report.exchange, delivery, self._options):
            self._collector.add(point)
        self._collector.export(spans.trace_of(report.exchange, delivery, self._options))
