"""Each exchange counts once, by the ledger, however often its event is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest

from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.telemetry import spans
from shared.core.telemetry.exchange_telemetry import DeliveryCause, cause_of
from shared.core.telemetry.messages import Messages
from shared.errors import StorageError
from shared.telemetry.telemetry import Telemetry
from tests.golden import load
from tests.golden.telemetry_text import OPTIONS, exchange_of
from tests.unit.core.event.event_parts import envelope
from tests.unit.telemetry.background import background_tasks, finish_background_tasks
from tests.unit.telemetry.memory_collector import MemoryCollector

pytestmark = pytest.mark.anyio

EXCHANGE = exchange_of(load("chat_stream"))
END_NS = spans.end_ns(EXCHANGE)
GRACE_S = 120
MAX_WAITING = 30
MAX_WAITING_MESSAGES = 10
IN_EVENTS = replace(OPTIONS, messages_in_events=True)


@dataclass
class Ledger:
    """A ledger by which each delivery is the first one, or none is. `lacking`: it could not be
    written.
    """

    is_first: bool = True
    lacking: bool = False
    is_down: bool = False

    def lacks_entry(self, exchange_id: str) -> bool:
        return self.lacking

    async def first_deliveries(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        if self.is_down:
            raise StorageError("no")
        assert window == "2025/11/23/14"
        return set(exchange_ids) if self.is_first else set()


@dataclass
class TelemetrySetup:
    """Telemetry with its ledger and its collector, `age_s` after the exchange's end."""

    ledger: Ledger = field(default_factory=Ledger)
    age_s: float = 1
    collector: MemoryCollector = field(default_factory=MemoryCollector)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.telemetry = Telemetry(
            collector=self.collector,
            ledger=self.ledger,
            options=IN_EVENTS,
            grace_s=GRACE_S,
            now_ns=self.now_ns,
            max_waiting=MAX_WAITING,
            max_waiting_messages=MAX_WAITING_MESSAGES,
            sleep=self.sleep,
        )

    def now_ns(self) -> int:
        return END_NS + int(self.age_s * 1e9)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def report_accepted(self, cause: DeliveryCause = DeliveryCause.RECORDING) -> None:
        self.telemetry.accepted(EXCHANGE, cause, None)
        await finish_background_tasks()

    def total(self, name: str) -> float:
        return sum(point.value for point in self.collector.points if point.instrument.name == name)


async def test_few_deliveries_wait_with_their_texts() -> None:
    """The others wait without, so that they take no memory."""
    setup = TelemetrySetup(age_s=GRACE_S + 1)
    texts = Messages(system_instructions=None, input="[]", output="[]")
    for number in range(MAX_WAITING_MESSAGES + 5):
        exchange_id = new_exchange_id(END_NS // 1_000_000, number.to_bytes(10))
        exchange = replace(EXCHANGE, exchange_id=exchange_id, messages=texts)
        setup.telemetry.accepted(exchange, DeliveryCause.RECORDING, None)
    await finish_background_tasks()
    assert len(setup.collector.traces) == MAX_WAITING_MESSAGES + 5
    assert (
        sum(trace.messages_event is not None for trace in setup.collector.traces)
        == MAX_WAITING_MESSAGES
    )


async def test_a_first_try_counts_at_once() -> None:
    """The ledger is not asked."""
    setup = TelemetrySetup()
    setup.telemetry.accepted(EXCHANGE, DeliveryCause.RECORDING, None)
    assert setup.total("fnsse.exchanges") == setup.total("fnsse.events.delivered") == 1
    assert setup.total("fnsse.events.redelivered") == 0
    assert [trace.root.name for trace in setup.collector.traces] == ["chat gpt-4o"]


async def test_a_second_delivery_by_this_worker_is_a_duplicate() -> None:
    """Its one span links to the exchange's."""
    setup = TelemetrySetup()
    await setup.report_accepted()
    await setup.report_accepted(DeliveryCause.RETRY)
    assert setup.total("fnsse.exchanges") == setup.total("fnsse.events.duplicates") == 1
    assert setup.total("gen_ai.client.inference.usage.input_tokens") == 12
    exchange, again = setup.collector.traces
    assert again.root.name == "deliver again"
    assert again.trace_id != exchange.trace_id
    (link,) = again.root.links
    assert (link.trace_id, link.span_id) == (exchange.trace_id, exchange.root.span_id)


@pytest.mark.parametrize(
    "cause", [DeliveryCause.RETRY, DeliveryCause.RECONCILE, DeliveryCause.REQUEUE]
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_the_ledger_decides_about_a_delivery_that_was_repeated(
    cause: DeliveryCause, is_first: bool
) -> None:
    setup = TelemetrySetup(Ledger(is_first=is_first))
    await setup.report_accepted(cause)
    assert setup.total("fnsse.exchanges") == is_first
    assert setup.total("fnsse.events.duplicates") == (not is_first)
    assert setup.total("fnsse.events.redelivered") == 1


async def test_the_ledger_decides_about_a_late_first_try() -> None:
    """Reconcile may have delivered it meanwhile."""
    setup = TelemetrySetup(Ledger(is_first=False), age_s=GRACE_S + 1)
    await setup.report_accepted()
    assert setup.total("fnsse.exchanges") == 0
    assert setup.total("fnsse.events.duplicates") == 1


async def test_a_replay_counts_as_redelivered_and_not_as_a_duplicate() -> None:
    setup = TelemetrySetup(Ledger(is_first=False))
    await setup.report_accepted(DeliveryCause.REPLAY)
    assert setup.total("fnsse.exchanges") == setup.total("fnsse.events.duplicates") == 0
    assert setup.total("fnsse.events.redelivered") == 1
    assert [trace.root.name for trace in setup.collector.traces] == ["deliver again"]


async def test_the_worker_does_other_work_between_two_reports() -> None:
    """After an outage thousands wait for the ledger, and the worker relays streams meanwhile."""
    setup, reports_seen = TelemetrySetup(Ledger(is_first=False)), set[int]()
    for _ in range(20):
        setup.telemetry.accepted(EXCHANGE, DeliveryCause.RETRY, None)
    (reporting,) = background_tasks()
    while not reporting.done():
        reports_seen.add(len(setup.collector.traces))
        await asyncio.sleep(0)
    assert reports_seen == set(range(21))


async def test_an_event_without_ledger_entry_waits() -> None:
    """Reconcile delivers it again, and the ledger can decide then."""
    setup = TelemetrySetup(Ledger(lacking=True))
    await setup.report_accepted()
    assert setup.total("fnsse.exchanges") == setup.total("fnsse.events.duplicates") == 0
    assert setup.total("fnsse.events.delivered") == 1


async def test_a_ledger_that_is_down_drops_deliveries(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Metrics leave them out, and a log line says how many."""
    setup = TelemetrySetup(Ledger(is_down=True))
    await setup.report_accepted(DeliveryCause.RETRY)
    assert not setup.collector.points
    assert setup.telemetry.dropped == 1
    assert "Metrics leave out 1 deliveries" in caplog.text


async def test_what_waits_for_the_ledger_is_bounded() -> None:
    setup = TelemetrySetup()
    for _ in range(MAX_WAITING + 7):
        setup.telemetry.accepted(EXCHANGE, DeliveryCause.RETRY, None)
    assert setup.telemetry.dropped == 7
    await finish_background_tasks()
    assert setup.total("fnsse.events.delivered") == MAX_WAITING
    assert setup.total("fnsse.exchanges") == 1


async def test_a_dead_letter_is_counted_by_its_reason() -> None:
    setup = TelemetrySetup()
    setup.telemetry.dead_lettered("too_large")
    (point,) = setup.collector.points
    assert point.attributes == {"fnsse.dead_letter.reason": "too_large"}


def test_the_cause_of_a_delivery_is_read_from_envelope_and_tries() -> None:
    assert cause_of(envelope(), 1) is DeliveryCause.RECORDING
    assert cause_of(envelope(), 2) is DeliveryCause.RETRY
    assert cause_of(envelope(requeued="reconcile"), 1) is DeliveryCause.RECONCILE
    assert cause_of(envelope(replayed=True, requeued="retry"), 3) is DeliveryCause.REPLAY
