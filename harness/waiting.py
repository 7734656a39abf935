"""Polling until a condition holds, with a deadline: from a thread and from an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.05  # a probe may list a whole container
_POLL_ON_LOOP_S: Final = 0.001  # a probe looks at an object of this process


class ConditionTimeout(AssertionError):
    """A condition did not hold in time; the message describes it."""


def poll_until[T](
    probe: Callable[[], T | None], description: str | Callable[[], str], *, within_s: float = 60
) -> T:
    """Call `probe` until it returns something that is true, and return that. Raises
    ConditionTimeout, with the description, if that takes longer than `within_s`. A description
    that is a function is called then, so that it can hold the state at that time.
    """
    deadline = time.monotonic() + within_s
    while not (result := probe()):
        if time.monotonic() >= deadline:
            raise _timeout(description, within_s)
        time.sleep(_POLL_S)
    return result


async def poll_until_async[T](
    probe: Callable[[], T | None], description: str | Callable[[], str], *, within_s: float = 60
) -> T:
    """poll_until, for a test that runs on an event loop: other tasks run between two calls of
    `probe`. `probe` is called on the loop.
    """
    deadline = time.monotonic() + within_s
    while not (result := probe()):
        if time.monotonic() >= deadline:
            raise _timeout(description, within_s)
        await asyncio.sleep(_POLL_ON_LOOP_S)
    return result


def _timeout(description: str | Callable[[], str], within_s: float) -> ConditionTimeout:
    text = description if isinstance(description, str) else description()
    return ConditionTimeout(f"not within {within_s:g} s: {text}")
