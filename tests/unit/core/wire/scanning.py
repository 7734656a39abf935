"""Runs a scan that pauses between slices, as the relay does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from harness.work import unit_s
from shared.core.wire.steps import Cooperative

_TRIES: Final = 3


def run[T](scan: Cooperative[T]) -> T:
    """Its result."""
    return _timed(scan)[0]


def timed[T](scan: Callable[[], Cooperative[T]], most_units: float) -> tuple[T, int, float]:
    """(result, slices, the longest slice's CPU time in units of work, the least of several scans if
    the first takes more than `most_units`).

    A unit is about a millisecond: neither a slow machine nor a busy one changes the figure.
    """
    unit, longest = unit_s(), float("inf")
    for _ in range(_TRIES):
        result, slices, longest_s = _timed(scan())
        longest = min(longest, longest_s / unit)
        if longest < most_units:
            break
    return result, slices, longest


def _timed[T](scan: Cooperative[T]) -> tuple[T, int, float]:
    slices, longest_s = 0, 0.0
    while True:
        began = time.thread_time()
        slices += 1
        try:
            next(scan)
        except StopIteration as done:
            return done.value, slices, max(longest_s, time.thread_time() - began)
        longest_s = max(longest_s, time.thread_time() - began)
