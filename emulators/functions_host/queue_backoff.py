"""How long a queue listener waits between polls.

Rule: Azure/azure-sdk-for-net, RandomizedExponentialBackoffStrategy.cs: the minimum after a message;
else the minimum plus a doubling delta, each random by 20 %, up to the maximum.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_RANDOMIZATION: Final = 0.2


class QueueBackoff:
    """The delays of one listener; one object for its life."""

    def __init__(
        self,
        minimum_s: float,
        maximum_s: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Delays go from minimum_s to maximum_s; `uniform` is the source of randomness."""
        self._minimum_s = minimum_s
        self._maximum_s = maximum_s
        self._uniform = uniform
        self._current_s = 0.0
        self._exponent = 0

    def next_delay_s(self, *, has_messages: bool) -> float:
        """The next wait; `has_messages`: one arrived since the last wait."""
        if has_messages:
            self._current_s = self._minimum_s
            self._exponent = 1
        elif self._current_s != self._maximum_s:
            self._grow()
        return self._current_s

    def _grow(self) -> None:
        delay_s = self._minimum_s
        if self._exponent > 0:
            factor = self._uniform(1 - _RANDOMIZATION, 1 + _RANDOMIZATION)
            delay_s += factor * 2.0 ** (self._exponent - 1) * self._minimum_s
        if delay_s < self._maximum_s:
            self._current_s = delay_s
            self._exponent += 1
        else:
            self._current_s = self._maximum_s
