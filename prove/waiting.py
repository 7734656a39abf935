"""Waiting for a condition, and work in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prove.result import NotProven


def wait_for[T](look: Callable[[], T | None], what: str, within_s: float) -> T:
    """Poll until `look` returns something that is not empty, and return that. Raises NotProven."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NotProven(f"not within {within_s:g} s: {what}")
        time.sleep(0.05)
    return found


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    """Run `work` in a daemon thread."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
