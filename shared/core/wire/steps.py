"""Long computations that pause, so that an event loop can serve other tasks in between.

Such a computation is a generator. Its function's name ends in `_steps` where a function without
pauses exists beside it. `shared.concurrency.cooperative` runs one on an event loop.
"""

from __future__ import annotations

from collections.abc import Generator

# Yields after steps of about a millisecond at most, and returns the result.
type Cooperative[T] = Generator[None, None, T]


def run_to_end[T](steps: Cooperative[T]) -> T:
    """The result, computed without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
