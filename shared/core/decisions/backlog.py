"""Distinguishes a queue with a backlog from one that only passes live exchanges on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

# Envelopes on the queue and in the workers at one moment: 280 exchanges a second, each delivered
# within 0.7 s.
MAX_IN_TRANSIT: Final = 200


def only_in_transit(lengths: Sequence[int]) -> bool:
    """Whether the queue holds no backlog, judged by its length at successive polls.

    Either it was empty at the last poll, or live exchanges come and go: a busy app's queue is never
    empty. The backlog of an outage stays, or shrinks; it does not grow *and* shrink.
    """
    if not lengths[-1]:
        return True
    changes = [later - earlier for earlier, later in pairwise(lengths)]
    return max(lengths) <= MAX_IN_TRANSIT and min(changes, default=0) < 0 < max(changes, default=0)
