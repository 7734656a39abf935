"""What became of each exchange that was asked for: exactly one thing of each, so that the figures
add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from enum import StrEnum

from prove.load import ClientObservation


class Disposition(StrEnum):
    """In the words of the report."""

    ON_THE_HUB = "asked for, and on the Event Hub"
    PARKED = "asked for, and parked"
    TRACELESS = "asked for, answered, and without any trace (open), each begun shortly before a host was killed"
    NEVER_ANSWERED = "asked for, and broken off before an answer and before any trace"


def disposition(
    observation: ClientObservation, *, delivered: Collection[str], parked: Collection[str]
) -> Disposition:
    """`delivered`: ids and deployments of what is on the Event Hub; `parked`: those of the captures
    of which no event can be.

    A client that got no answer knows no id; but its deployment is its own.
    """
    names = {observation.exchange_id, observation.deployment}
    if not names.isdisjoint(delivered):
        return Disposition.ON_THE_HUB
    if not names.isdisjoint(parked):
        return Disposition.PARKED
    return Disposition.NEVER_ANSWERED if observation.exchange_id is None else Disposition.TRACELESS


def dispositions(
    observations: Iterable[ClientObservation],
    *,
    delivered: Collection[str],
    parked: Collection[str],
) -> dict[str, int]:
    """How many had each fate, with 0 for none."""
    found = Counter(disposition(each, delivered=delivered, parked=parked) for each in observations)
    return {each.value: found[each] for each in Disposition}
