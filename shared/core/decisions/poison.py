"""The decision about an envelope on the poison queue, without I/O.

An exchange that cannot be delivered now, because storage or the Event Hub is down, costs no
attempt: reconcile delivers it again as long as its look-back reaches. An event that cannot be
built although its captures can be read fails until the app is fixed, and one that the Event Hub
rejects for good fails until something changes. Those are tried a few times only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.envelope import Envelope

# Each of these failures stands for maxDequeueCount tries of the queue.
MAX_FAILURES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaveToReconcile:
    """Do nothing: the response capture holds the envelope, and reconcile will find it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreOutcome:
    """Store the envelope as an outcome capture, because no response capture holds it; then
    reconcile finds it.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """No delivery will succeed: list the exchange for an operator."""

    reason: DeadLetterReason


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFailedReplay:
    """List the failed replay for an operator. The exchange itself is delivered, or reconcile
    delivers it.
    """


type PoisonDecision = LeaveToReconcile | StoreOutcome | DeadLetter | ListFailedReplay


def decide(
    envelope: Envelope, undeliverable_reason: DeadLetterReason | None, failures: int
) -> PoisonDecision:
    """The decision for one envelope.

    `undeliverable_reason` says why its event cannot be built, or why the Event Hub does not accept
    it. `failures` counts the attempts that failed for it, this one included.
    """
    if envelope.replayed:
        return ListFailedReplay()
    if undeliverable_reason and failures >= MAX_FAILURES:
        return DeadLetter(reason=undeliverable_reason)
    return LeaveToReconcile() if envelope.is_in_response_capture else StoreOutcome()
