"""Makes the delivery of events from its parts, as function_app.py does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.core.records.queue.follow_up import FollowUp
from shared.enrichment.event_delivery import DeliveryTelemetry, EventDelivery
from shared.enrichment.event_preparation import EventAssembler, EventPreparation
from shared.enrichment.retention_marks import RetentionMarks
from shared.ports.blobs import UsageClaimStore
from shared.ports.captures import CaptureReader, DeliveredCaptures
from shared.ports.dead_letters import DeliveryFailures
from shared.ports.destinations import EventSink
from shared.ports.ledger import DeliverySink, ErasedExchanges
from shared.settings.timeouts import DELIVERY_S


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
    begin_follow_up: Callable[[FollowUp], Awaitable[None]] | None = None,
    marks: RetentionMarks | None = None,
    timeout_s: float = DELIVERY_S,
) -> EventDelivery:
    """The use case with a preparation of the same captures and erased exchanges."""
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
        begin_follow_up=begin_follow_up,
        marks=marks,
        timeout_s=timeout_s,
    )
