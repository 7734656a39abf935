"""The wait before the next try of a storage call."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Few tries, close together: a client may be waiting for the end of its response, and reconcile
    redelivers after a failure.

    Every wait is random within its bounds, so that the instances of an app do not return to a busy
    account at the same moment.
    """

    waits_s: tuple[float, ...] = (0.1, 0.5)  # before the second and the third try, on average
    # the longest Retry-After to wait for; after a longer one there is no further try
    longest_s: float = 5.0
    uniform: Callable[[float, float], float] = random.uniform

    def wait_s(self, tries: int, retry_after_s: float = 0.0) -> float | None:
        """The wait before the next try, after this number of tries; None if there is no further
        try.
        """
        if tries > len(self.waits_s) or retry_after_s > self.longest_s:
            return None
        wait_s = self.waits_s[tries - 1]
        # never before the moment that the service named
        return retry_after_s + self.uniform(0.5 * wait_s, 1.5 * wait_s)
