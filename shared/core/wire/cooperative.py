"""Work that pauses now and then, so that whoever runs it on an event loop can serve others in
between.
"""

from __future__ import annotations

from collections.abc import Generator

# yields after each slice of at most a millisecond or so, returns the result
type Slices[T] = Generator[None, None, T]


def at_once[T](work: Slices[T]) -> T:
    """The result, without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
