"""Runs a scan that pauses between slices, as the relay does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from shared.core.wire.steps import Cooperative, run_to_end

run = run_to_end

# The lines of Python that a slice may execute: about a millisecond. At most 54,000 were counted.
MOST_LINES: Final = 80_000

_MONITOR: Final = sys.monitoring.PROFILER_ID


@dataclass(kw_only=True)
class Slices:
    """The slices of a scan in counts, which neither a slow machine nor a busy one changes."""

    count: int = 0
    most_lines: int = 0  # of Python that one slice executed
    lines: int = 0  # that the slice under way has executed


def count_slices[T](scan: Cooperative[T]) -> tuple[T, Slices]:
    """Its result and its slices. Each line that is counted takes a fifth of a microsecond."""
    slices = Slices()
    with _counted_lines(slices):
        return _run(scan, slices), slices


def count_long_scan[T](scan: Cooperative[T]) -> tuple[T, Slices]:
    """Its result and its slices without their lines, for a scan of millions of them."""
    slices = Slices()
    return _run(scan, slices), slices


def _run[T](scan: Cooperative[T], slices: Slices) -> T:
    while True:
        slices.lines = 0
        slices.count += 1
        try:
            next(scan)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            slices.most_lines = max(slices.most_lines, slices.lines)


@contextmanager
def _counted_lines(slices: Slices) -> Iterator[None]:
    def count(_code: object, _line: int) -> None:
        slices.lines += 1

    sys.monitoring.use_tool_id(_MONITOR, "slices")
    sys.monitoring.register_callback(_MONITOR, sys.monitoring.events.LINE, count)
    sys.monitoring.set_events(_MONITOR, sys.monitoring.events.LINE)
    try:
        yield
    finally:
        sys.monitoring.set_events(_MONITOR, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.free_tool_id(_MONITOR)
