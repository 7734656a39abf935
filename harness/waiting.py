"""Waiting for something to become true, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.02


def until[T](look: Callable[[], T | None], what: str, *, within_s: float = 60) -> T:
    """Poll until `look` returns something that is not empty, and return that. Fails, saying `what`
    was awaited, when it is late.
    """
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(_POLL_S)
    return found
