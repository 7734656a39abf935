"""Completes the futures of all callers that wait for one piece of work."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable


def complete_each[E: Exception](
    futures: Iterable[Future[None]], error: E | None, copy: Callable[[E], E]
) -> None:
    """Complete the futures that still wait. Each gets its own copy of the error, because raising
    one adds to its traceback.
    """
    for future in futures:
        if future.done():  # the caller was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(copy(error))
