"""A collector that fails delays no delivery, and costs a bounded amount of memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field

import pytest

from harness.otlp_receiver import otlp_receiver
from harness.sample_envelope import PLAIN
from shared.adapters.otlp.export import OtlpExport
from shared.core.event.usage_claim import Claim
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from shared.enrichment.assembly import Assembler
from shared.enrichment.event_delivery import EventDelivery, MessageMetadata
from shared.telemetry.telemetry import Telemetry
from tests.golden.telemetry_text import OPTIONS, SETTINGS
from tests.integration.support.event_deliveries import event_delivery
from tests.integration.support.misbehaviour import Misbehaviour, misbehave
from tests.integration.support.tiny_server import Connection, serving

pytestmark = pytest.mark.anyio

# PLAIN ended long ago, so the ledger is asked; this sets its age aside
_ANY_AGE_S = 1e9
_DELIVERIES = 300


@dataclass
class Stores:
    """Storage and Event Hub that take everything."""

    accepted: list[str] = field(default_factory=list)

    async def erase(self, name: str) -> bool:
        raise NotImplementedError

    async def erase_body(self, name: str) -> None:
        raise AssertionError("no exchange is redacted")

    async def delivered(self, events: Sequence[AcceptedEvent]) -> None:
        raise AssertionError("no capture is erased")

    async def get(self, name: str | None) -> Capture | None:
        return None

    async def put_if_absent(self, name: str, data: bytes) -> None:
        raise AssertionError("no outcome is pending")

    async def limit_bytes(self) -> int:
        return 1_000_000

    async def send(self, body: bytes, message_id: str, digests: Digests) -> None:
        self.accepted.append(message_id)

    async def claim(self, response_id: str, exchange_id: str) -> Claim:
        raise AssertionError("nothing to claim")

    async def holder(self, response_id: str) -> str | None:
        return None

    async def release(self, claim: Claim) -> None:
        raise AssertionError("nothing to release")

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        raise AssertionError(reason)

    async def is_erased(self, exchange_id: str) -> bool:
        return False

    async def record_event_rejection(self, exchange_id: str) -> None:
        raise AssertionError(exchange_id)

    def lacks_entry(self, exchange_id: str) -> bool:
        return False

    async def first_deliveries(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        return set(exchange_ids)


def enrichment_of(stores: Stores, exporter: OtlpExport) -> EventDelivery:
    telemetry = Telemetry(collector=exporter, ledger=stores, options=OPTIONS, grace_s=_ANY_AGE_S)
    assembler = Assembler("default", for_telemetry=True)
    return event_delivery(
        captures=stores,
        assemble=assembler,
        claims=stores,
        event_hub=stores,
        ledger=stores,
        dead_letters=stores,
        erased_exchanges=stores,
        telemetry=telemetry,
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK exports soon and holds little."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")


@contextlib.asynccontextmanager
async def failing_collector(how: Misbehaviour | None) -> AsyncIterator[str]:
    """The address of a collector that misbehaves; None: nothing listens there."""
    if how is None:
        yield "http://127.0.0.1:9"  # discard: nobody serves it
        return

    async def script(connection: Connection) -> None:
        await misbehave(connection, how, b"HTTP/1.1 200 OK\r\n")

    async with serving(script) as server:
        yield server.url


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", [None, *Misbehaviour], ids=lambda how: how.name if how else "DOWN")
async def test_every_delivery_ends_although_the_collector_fails(
    how: Misbehaviour | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue of spans is full after the first few. The exporter's threads end when the
    connections do.
    """
    stores = Stores()
    async with failing_collector(how) as address:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        exporter = OtlpExport(SETTINGS)
        enrichment = enrichment_of(stores, exporter)
        async with asyncio.timeout(60):
            for _ in range(_DELIVERIES):
                await enrichment.deliver(PLAIN)
    assert len(stores.accepted) == _DELIVERIES
    async with asyncio.timeout(60):
        await asyncio.to_thread(exporter.close)


@pytest.mark.usefixtures("quick")
async def test_enrichment_reports_what_it_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the queue's message to the collector; the second delivery is a duplicate."""
    stores = Stores()
    with otlp_receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        exporter = OtlpExport(SETTINGS)
        enrichment = enrichment_of(stores, exporter)
        await enrichment.deliver(PLAIN)
        await enrichment.deliver(PLAIN, MessageMetadata(tries=2, queued_ns=None))
        await asyncio.to_thread(exporter.close)
    root, again = collector.span("chat gpt-4o"), collector.span("deliver again")
    assert again.links == [(root.trace_id, root.span_id)]
    assert again.attributes["fnsse.delivery.cause"] == "retry"
    totals = {name: sum(p.value for p in points) for name, points in collector.metrics.items()}
    assert totals["fnsse.exchanges"] == 1
    assert totals["fnsse.events.delivered"] == 2
    assert totals["fnsse.events.duplicates"] == 1
