"""An event loop in a thread of its own, for parts that serve beside a test's synchronous code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class LoopThread:
    """Runs from its making until `close`."""

    def __init__(self, *, name: str | None = None, deadline_s: float = 60.0) -> None:
        """`deadline_s`: how long a piece of work, or the end, may take."""
        self._deadline_s = deadline_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which runs on the loop. Raises TimeoutError after the deadline."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(self._deadline_s)

    def close(self) -> None:
        """End loop and thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._deadline_s)
        self._loop.close()
