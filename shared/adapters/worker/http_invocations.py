"""Patches of how Microsoft's worker library pairs an HTTP request with its invocation: the wait of
one for the other gets a bound, and the library's references to both are released.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from shared.errors import UnsupportedLibrary
from shared.http.releasing_response import references_of

# Both arrive within milliseconds of each other, or later in a worker that is starting or busy. A
# request that never gets its invocation waits for so long: one whose client closed its sending
# side, or with a header that the host does not pass on (docs/reference/errors.md).
PAIRING_TIMEOUT_S: Final = 10.0
FORGET_AFTER_S: Final = 5.0
_INTERVALS: Final = 10  # checks during a wait


def require(condition: object) -> None:
    """Raises UnsupportedLibrary if the condition of a patch does not hold."""
    if not condition:
        raise UnsupportedLibrary("a library lacks something that a patch changes")


def bound_pairing(coordinator: Any, timeout_s: float, forget_after_s: float) -> None:
    """A request and its invocation reach the worker by two ways, and each waits for the other
    without a limit.

    They never meet if the caller sent an `x-ms-invocation-id` of its own, which the host
    (4.1037) does not replace. The invocation would then wait until functionTimeout, when the host
    replaces the worker.
    """
    names = ("get_http_request_async", "await_http_response_async")
    waits: list[Any] = [getattr(coordinator, name, None) for name in names]
    require(all(isinstance(wait, _BoundedWait) or _takes_an_id(wait) for wait in waits))
    for name, wait in zip(names, waits, strict=True):
        if not isinstance(wait, _BoundedWait):
            bounded_wait = _BoundedWait(wait, references_of(coordinator), timeout_s, forget_after_s)
            setattr(coordinator, name, bounded_wait)


def _takes_an_id(wait: Any) -> bool:
    """Whether it is a coroutine function of one argument, as the library's are."""
    return inspect.iscoroutinefunction(wait) and len(inspect.signature(wait).parameters) == 1


def check_references(coordinator: Any) -> None:
    """`ReleasingResponse` needs it."""
    require(references_of(coordinator) is not None)


class _BoundedWait:
    """Waits for the other side of an invocation, and forgets the invocation if that does not
    come.
    """

    def __init__(
        self,
        wait: Callable[[str], Awaitable[Any]],
        references: dict[str, Any] | None,
        timeout_s: float,
        forget_after_s: float,
    ) -> None:
        self._wait = wait
        self._references = references
        self._timeout_s = timeout_s
        self._forget_after_s = forget_after_s

    async def __call__(self, invocation_id: str) -> Any:
        """The result of the library's own wait. Raises TimeoutError, which ends the
        invocation or answers 500.
        """
        try:
            async with asyncio.timeout(None) as timeout:
                interval_timeout = _IntervalTimeout(timeout, self._timeout_s)
                try:
                    return await self._wait(invocation_id)
                finally:
                    interval_timeout.stop()
        except TimeoutError:
            # later: the library notes there first that the invocation failed
            if self._references is not None:
                asyncio.get_running_loop().call_later(
                    self._forget_after_s, self._references.pop, invocation_id, None
                )
            raise TimeoutError(
                "An HTTP request and its invocation did not meet; did the caller send x-ms-invocation-id?"
            ) from None


class _IntervalTimeout:
    """Ends a wait after a number of short intervals. An interval in which the event loop was
    blocked counts once, however long it was: the loop handles the events of that time before the
    wait ends.
    """

    def __init__(self, timeout: asyncio.Timeout, timeout_s: float) -> None:
        self._timeout = timeout
        self._interval_s = timeout_s / _INTERVALS
        self._intervals_left = _INTERVALS
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._interval_s, self._interval_over)

    def stop(self) -> None:
        """The wait is over."""
        self._timer.cancel()

    def _interval_over(self) -> None:
        self._intervals_left -= 1
        if self._intervals_left:
            self._timer = self._loop.call_later(self._interval_s, self._interval_over)
        else:
            self._timeout.reschedule(self._loop.time())
