"""What becomes of an envelope that enrichment gave up: a decision without I/O."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.envelope import Envelope, load
from shared.errors import EnvelopeError


@dataclass(frozen=True, kw_only=True, slots=True)
class Discard:
    """Not an envelope: there is nothing to deliver. `reason` never repeats the message."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaveToReconcile:
    """Its response capture holds the envelope, so reconcile finds it when its window has closed."""

    exchange_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreOutcome:
    """No capture says how the exchange ended; once the message is stored as one, it can be left to reconcile."""

    envelope: Envelope


def decide(message: bytes) -> Discard | LeaveToReconcile | StoreOutcome:
    """For a message of the poison queue."""
    try:
        envelope = load(message)
    except EnvelopeError as error:
        return Discard(reason=str(error))
    if envelope.response_capture is None:
        return StoreOutcome(envelope=envelope)
    return LeaveToReconcile(exchange_id=envelope.exchange_id)
