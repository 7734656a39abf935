"""One delivery of an exchange's event: when, and why it was not the first try."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.core.records.exchange.envelope import Envelope


class DeliveryCause(StrEnum):
    """The cause of a delivery."""

    RECORDING = "recording"  # the relay queued it at the exchange's end
    RETRY = "retry"  # the queue delivered its message again, or enrichment queued it again
    RECONCILE = "reconcile"  # the ledger did not know it
    REQUEUE = "requeue"  # an operator requeued a dead letter
    REPLAY = "replay"  # an operator wanted it again


def cause_of(envelope: Envelope, tries: int) -> DeliveryCause:
    """The cause of an envelope's delivery. `tries`: how often the queue delivered its message."""
    if envelope.replayed:
        return DeliveryCause.REPLAY
    if envelope.requeued is not None:
        return DeliveryCause(envelope.requeued)
    return DeliveryCause.RETRY if tries > 1 else DeliveryCause.RECORDING


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryReport:
    """A delivery that the Event Hub has accepted."""

    cause: DeliveryCause
    queued_ns: int | None  # unix time at which its message was queued; None: not known
    accepted_ns: int  # unix time
    # the ledger names no earlier one: this delivery counts. None: the ledger could not be asked
    first: bool | None
