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
MOST_FAILURES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaveToReconcile:
    """Its response capture holds the envelope, so reconcile finds it when its window has closed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreOutcome:
    """No capture says how the exchange ended; once the message is stored as one, it can be left to
    reconcile.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Park:
    """No delivery will succeed: an operator has to look at it."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFailedReplay:
    """The exchange is delivered, or reconcile delivers it; that its replay was not is for an
    operator to know.
    """


type Fate = LeaveToReconcile | StoreOutcome | Park | ListFailedReplay


def decide(envelope: Envelope, why_not: str | None, failures: int) -> Fate:
    """`why_not`: why no event can be built, or none is taken; `failures`: how often that was found,
    this time included.
    """
    if envelope.replayed:
        return ListFailedReplay()
    if why_not and failures >= MOST_FAILURES:
        return Park(reason=why_not)
    return LeaveToReconcile() if envelope.response_capture else StoreOutcome()


def failures_name(exchange_id: str) -> str:
    """Of the note that counts how often an exchange's event could not be built."""
    return f"failing/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"
