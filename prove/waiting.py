"""Waiting for a condition, and work in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from harness.waiting import until
from prove.result import NotProven

_POLL_S: Final = 0.05  # a look may list a whole container


def wait_for[T](look: Callable[[], T | None], what: str, within_s: float) -> T:
    """Poll until `look` returns something that is not empty, and return that. Raises NotProven."""
    return until(look, what, within_s=within_s, poll_s=_POLL_S, error=NotProven)


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    """Run `work` in a daemon thread."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
