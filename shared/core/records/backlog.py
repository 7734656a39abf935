"""Whether a queue holds work that is left over, or just what passes through."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

# On the queue or in the hands of workers at one moment: 280 exchanges a second, each delivered
# within 0.7 s, are as many.
PASSING: Final = 200


def only_in_transit(lengths: Sequence[int]) -> bool:
    """`lengths` of a queue at successive looks: it was empty at the last one, or live exchanges
    come and go.

    A busy app's queue is never empty. What is left over by an outage stays, or gets fewer; it does
    not come *and* go.
    """
    if not lengths[-1]:
        return True
    steps = [later - earlier for earlier, later in pairwise(lengths)]
    return max(lengths) <= PASSING and min(steps, default=0) < 0 < max(steps, default=0)
