"""Runs invocations: their lines on the console and their time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from emulators.functions_host.console import say
from emulators.functions_host.timespan import format_time_span
from emulators.functions_host.worker_library import Invocation, InvocationResult, WorkerLibrary

if TYPE_CHECKING:
    from collections.abc import Iterator

# The real host waits this long after the limit, then replaces the worker (Azure/azure-webjobs-sdk,
# TimeoutAttribute.GracePeriod; WebScriptHostExceptionHandler.cs in Azure/azure-functions-host).
TIMEOUT_GRACE_S: Final = 2.0


# Receives the result of an invocation.
type Finish = Callable[[InvocationResult], None]


class Invocations:
    """Runs the invocations of one worker."""

    def __init__(
        self,
        library: WorkerLibrary,
        *,
        timeout_s: float | None,
        replace_worker: Callable[[], None],
        verbose: bool,
    ) -> None:
        """`replace_worker` is called when an invocation exceeds functionTimeout: nothing else ends
        code that hangs.
        """
        self._library = library
        self._timeout_s = timeout_s
        self._replace_worker = replace_worker
        self._verbose = verbose

    async def run(self, invocation: Invocation, reason: str) -> InvocationResult:
        """Call a function without an HTTP trigger and wait for its end."""
        with self.under_way(invocation, reason) as finish:
            outcome = await self._library.invoke(invocation)
            finish(outcome)
            return outcome

    @contextmanager
    def under_way(self, invocation: Invocation, reason: str) -> Iterator[Finish]:
        """Print an invocation's lines and limit its time; the caller passes the result to the
        yielded function.
        """
        name, started = f"Functions.{invocation.function.name}", time.monotonic()
        if self._verbose:
            say(f"Executing '{name}' (Reason='{reason}', Id={invocation.invocation_id})")
        limit = self._watch(name)
        try:
            yield lambda outcome: self._report(name, invocation.invocation_id, started, outcome)
        finally:
            if limit:
                limit.cancel()

    def _watch(self, name: str) -> asyncio.TimerHandle | None:
        if self._timeout_s is None:
            return None
        return asyncio.get_running_loop().call_later(
            self._timeout_s + TIMEOUT_GRACE_S, self._timed_out, name
        )

    def _timed_out(self, name: str) -> None:
        limit = format_time_span(self._timeout_s or 0)
        say(
            f"ERROR: Timeout value of {limit} (functionTimeout) exceeded by function '{name}'. The worker process is replaced."
        )
        self._replace_worker()

    def _report(
        self, name: str, invocation_id: str, started: float, outcome: InvocationResult
    ) -> None:
        duration_ms = int((time.monotonic() - started) * 1000)
        if outcome.error is None:
            if self._verbose:
                say(f"Executed '{name}' (Succeeded, Id={invocation_id}, Duration={duration_ms}ms)")
            return
        say(
            f"ERROR: Executed '{name}' (Failed, Id={invocation_id}, Duration={duration_ms}ms)\n{outcome.stack or outcome.error}"
        )
