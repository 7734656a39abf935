"""Completing the futures of all who wait for one piece of work."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable


def complete_each[E: Exception](
    futures: Iterable[Future[None]], error: E | None, copy: Callable[[E], E]
) -> None:
    """Complete those that still wait. Each gets a copy of the error of its own: raising one adds to
    its traceback.
    """
    for future in futures:
        if future.done():  # who waited was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(copy(error))
