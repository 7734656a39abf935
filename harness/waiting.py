"""Waiting for something to become true, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.02


def until[T](
    look: Callable[[], T | None],
    what: str,
    *,
    within_s: float = 60,
    poll_s: float = _POLL_S,
    error: type[AssertionError] = AssertionError,
) -> T:
    """Poll until `look` returns something that is not empty, and return that. Raises `error` if it
    is late; the message says that `what` was awaited.
    """
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() >= deadline:
            raise error(f"not within {within_s:g} s: {what}")
        time.sleep(poll_s)
    return found
