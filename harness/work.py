"""A unit for CPU time that is the same amount of work on a slow machine and on a busy one."""

from __future__ import annotations

import time


def unit_s() -> float:
    """CPU seconds that this machine takes for the unit of work that took one millisecond on the
    machine where the bounds were chosen.
    """
    tries = []
    for _ in range(5):
        started_s = time.thread_time()
        sum(number & 7 for number in range(30_000))
        tries.append(time.thread_time() - started_s)
    return min(tries)
