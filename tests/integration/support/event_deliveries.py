"""Makes the delivery of events from its parts, as function_app.py does."""

from __future__ import annotations

from typing import Any, Protocol

from shared.core.records.ports import ErasedExchanges
from shared.enrichment.event_delivery import EventDelivery
from shared.enrichment.event_preparation import EventPreparation
from shared.enrichment.ports import (
    CaptureReader,
    DeliveryCaptures,
    DeliveryTelemetry,
    EnrichmentDeadLetters,
    EnrichmentLedger,
    EventAssembler,
    EventSink,
    UsageClaimStore,
)


class AllCaptures(CaptureReader, DeliveryCaptures, Protocol):
    """The captures, for preparation and delivery."""


def event_delivery(
    *,
    captures: AllCaptures,
    assemble: EventAssembler,
    claims: UsageClaimStore,
    event_hub: EventSink,
    ledger: EnrichmentLedger,
    dead_letters: EnrichmentDeadLetters,
    erased_exchanges: ErasedExchanges,
    telemetry: DeliveryTelemetry | None = None,
    **options: Any,
) -> EventDelivery:
    """`options` are those of EventDelivery."""
    preparation = EventPreparation(
        captures=captures, assemble=assemble, claims=claims, erased_exchanges=erased_exchanges
    )
    return EventDelivery(
        preparation=preparation,
        captures=captures,
        event_hub=event_hub,
        ledger=ledger,
        dead_letters=dead_letters,
        erased_exchanges=erased_exchanges,
        telemetry=telemetry,
        **options,
    )
