"""The time since an exchange began."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Measures from the time at which it is made."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` returns seconds."""
        self.clock = clock
        self.started = clock()

    def ms(self) -> float:
        """Milliseconds since the start."""
        return (self.clock() - self.started) * 1000
