"""A collector that fails delays no delivery, and costs a bounded amount of memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection

import pytest

from harness.otlp_receiver import otlp_receiver
from harness.sample_envelope import PLAIN
from shared.adapters.otlp.export import OtlpExport
from shared.enrichment.assembly import Assembler
from shared.enrichment.event_delivery import EventDelivery, MessageMetadata
from shared.telemetry.telemetry import Telemetry
from tests.golden.telemetry_text import OPTIONS, SETTINGS
from tests.integration.support.misbehaviour import Misbehaviour, misbehave
from tests.integration.support.stores import MemoryStores
from tests.integration.support.tiny_server import Connection, serving

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]

# PLAIN ended long ago, so the ledger is asked; this sets its age aside
_ANY_AGE_S = 1e9
_DELIVERIES = 300


class FakeLedger:
    """A ledger that has the first delivery of every exchange."""

    def lacks_entry(self, exchange_id: str) -> bool:
        return False

    async def first_deliveries(self, window: str, exchange_ids: Collection[str]) -> set[str]:
        return set(exchange_ids)


def enrichment_of(stores: MemoryStores, exporter: OtlpExport) -> EventDelivery:
    telemetry = Telemetry(
        collector=exporter, ledger=FakeLedger(), options=OPTIONS, grace_s=_ANY_AGE_S
    )
    return stores.delivery(Assembler("default", for_telemetry=True), telemetry=telemetry)


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
    stores = MemoryStores()
    async with failing_collector(how) as address:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        exporter = OtlpExport(SETTINGS)
        enrichment = enrichment_of(stores, exporter)
        async with asyncio.timeout(60):
            for _ in range(_DELIVERIES):
                await enrichment.deliver(PLAIN)
    assert len(stores.event_hub.sent) == _DELIVERIES
    async with asyncio.timeout(60):
        await asyncio.to_thread(exporter.close)


@pytest.mark.usefixtures("quick")
async def test_enrichment_reports_what_it_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report goes from the queue's message to the collector; the second delivery is a
    duplicate.
    """
    stores = MemoryStores()
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
