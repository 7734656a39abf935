"""The disposition of each exchange that a client sent.

Each exchange has exactly one disposition, so that the counts add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from enum import StrEnum

from prove.observation import ClientObservation


class Disposition(StrEnum):
    """The values are the words of the report."""

    ON_THE_HUB = "started, and on the Event Hub"
    DEAD_LETTERED = "started, and dead-lettered"
    TRACELESS = "started, answered, and without any trace (best_effort), each shortly before a host was killed"
    NEVER_ANSWERED = "started, and broken off before a response and before any trace"


def disposition(
    observation: ClientObservation, *, delivered: Collection[str], dead_lettered: Collection[str]
) -> Disposition:
    """The disposition of one exchange.

    `delivered` holds the ids and deployments of what is on the Event Hub; `dead_lettered` holds
    those of dead-lettered captures. A client that got no response knows no id, but no other
    exchange has its deployment.
    """
    names = {observation.exchange_id, observation.deployment}
    if not names.isdisjoint(delivered):
        return Disposition.ON_THE_HUB
    if not names.isdisjoint(dead_lettered):
        return Disposition.DEAD_LETTERED
    return Disposition.NEVER_ANSWERED if observation.exchange_id is None else Disposition.TRACELESS


def dispositions(
    observations: Iterable[ClientObservation],
    *,
    delivered: Collection[str],
    dead_lettered: Collection[str],
) -> dict[str, int]:
    """Count of each disposition, zeros included."""
    counts = Counter(
        disposition(observation, delivered=delivered, dead_lettered=dead_lettered)
        for observation in observations
    )
    return {one.value: counts[one] for one in Disposition}
