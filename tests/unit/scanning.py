"""Runs a scan that pauses between slices, as the relay does."""

from __future__ import annotations

import time

from shared.core.wire.cooperative import Cooperative


def run[T](scan: Cooperative[T]) -> T:
    """Its result."""
    return timed(scan)[0]


def timed[T](scan: Cooperative[T]) -> tuple[T, int, float]:
    """(result, slices, the longest slice in CPU seconds)."""
    slices, longest = 0, 0.0
    while True:
        began = time.thread_time()
        slices += 1
        try:
            next(scan)
        except StopIteration as done:
            return done.value, slices, max(longest, time.thread_time() - began)
        longest = max(longest, time.thread_time() - began)
