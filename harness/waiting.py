"""Polling until a condition holds, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.05  # a probe may list a whole container


class ConditionTimeout(AssertionError):
    """A condition did not hold in time; the message describes it."""


def poll_until[T](probe: Callable[[], T | None], description: str, *, within_s: float = 60) -> T:
    """Call `probe` until it returns something that is true, and return that. Raises
    ConditionTimeout, with the description, if that takes longer than `within_s`.
    """
    deadline = time.monotonic() + within_s
    while not (result := probe()):
        if time.monotonic() >= deadline:
            raise ConditionTimeout(f"not within {within_s:g} s: {description}")
        time.sleep(_POLL_S)
    return result
