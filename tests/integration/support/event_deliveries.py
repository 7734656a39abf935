"""Makes the delivery of events from its parts, as function_app.py does."""

from __future__ import annotations

from typing import Any, Protocol

from shared.enrichment.event_delivery import DeliveryTelemetry, EventDelivery
from shared.enrichment.event_preparation import EventAssembler, EventPreparation
from shared.ports.captures import CaptureReader, DeliveredCaptures
from shared.ports.dead_letters import DeliveryFailures
from shared.ports.erasure_marks import ErasedExchanges
from shared.ports.event_hub import EventSink
from shared.ports.ledger import DeliverySink
from shared.ports.usage_claims import UsageClaimStore


class AllCaptures(CaptureReader, DeliveredCaptures, Protocol):
    """The captures, for preparation and delivery."""


def event_delivery(
    *,
    captures: AllCaptures,
    assemble: EventAssembler,
    claims: UsageClaimStore,
    event_hub: EventSink,
    ledger: DeliverySink,
    dead_letters: DeliveryFailures,
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
