"""What becomes of an envelope that enrichment gave up: a decision without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.envelope import Envelope, load
from shared.errors import EnvelopeError

# How long an envelope without captures waits before it is tried again: nothing else knows of its exchange.
WAIT_S: Final = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Discard:
    """Not an envelope: there is nothing to deliver. `reason` never repeats the message."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaveToReconcile:
    """Its captures are stored, so reconcile finds it when its window has closed."""

    exchange_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TryAgain:
    """No capture could be stored: the message itself is all that is left."""

    envelope: Envelope


def decide(message: bytes) -> Discard | LeaveToReconcile | TryAgain:
    """For a message of the poison queue."""
    try:
        envelope = load(message)
    except EnvelopeError as error:
        return Discard(reason=str(error))
    if envelope.request_capture is None and envelope.response_capture is None:
        return TryAgain(envelope=envelope)
    return LeaveToReconcile(exchange_id=envelope.exchange_id)
