"""Runs a scan that pauses between slices, as the relay does."""

from __future__ import annotations

import time

from shared.core.wire.json_members import Scan


def run[T](scan: Scan[T]) -> T:
    """Its result."""
    return timed(scan)[0]


def timed[T](scan: Scan[T]) -> tuple[T, int, float]:
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
