"""What becomes of an envelope that enrichment gave up: a decision without I/O.

What cannot be delivered now, because storage or the Event Hub is down, costs no attempt: reconcile
delivers it again for as long as its look-back reaches. What cannot be built although its captures
can be read fails every time until the app is mended, and what the Event Hub refuses for good until
something is, so it is delivered again a few times only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.records.envelope import Envelope
from shared.core.records.window import Window

# Each time the queue has tried maxDequeueCount times before.
MAX_FAILURES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaveToReconcile:
    """Its response capture holds the envelope, so reconcile finds it when its window has closed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreOutcome:
    """No capture says how the exchange ended; once the message is stored as one, it can be left to
    reconcile.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """No delivery will succeed: an operator has to look at it."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFailedReplay:
    """The exchange is delivered, or reconcile delivers it; that its replay was not is for an
    operator to know.
    """


type PoisonDecision = LeaveToReconcile | StoreOutcome | DeadLetter | ListFailedReplay


def decide(envelope: Envelope, blocked_reason: str | None, failures: int) -> PoisonDecision:
    """What becomes of an envelope.

    `blocked_reason` says why its event cannot be built, or why the Event Hub does not accept it.
    `failures` counts how often that was found, this time included.
    """
    if envelope.replayed:
        return ListFailedReplay()
    if blocked_reason and failures >= MAX_FAILURES:
        return DeadLetter(reason=blocked_reason)
    return LeaveToReconcile() if envelope.response_capture else StoreOutcome()


def failure_count_name(exchange_id: str) -> str:
    """Of the note that counts how often an exchange's event could not be built."""
    return f"failing/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"
