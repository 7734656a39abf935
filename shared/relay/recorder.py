"""Records an exchange: its captures, and how it ended.

Each exchange is recorded by tasks of its own, which neither a client that disconnects nor a
cancelled response cancels. A failing store is the one failure that is swallowed here, with a log
line and a counter: the client must not pay for it, and reconcile finds what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from shared.core.exchange.actions import Actions
from shared.core.exchange.ending import ExchangeEnding
from shared.core.records.exchange.outcome import Outcome
from shared.ports.captures import CaptureUploads
from shared.ports.queues import EnvelopeSink
from shared.relay.body_memory import CaptureMemory
from shared.relay.capture_recorder import CaptureRecorder
from shared.relay.exchange_envelope import envelope_of
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.outcome_recorder import OutcomeRecorder
from shared.relay.pending_outcomes import RETRY_INTERVAL_S
from shared.relay.recording_failures import RecordingFailures
from shared.settings.timeouts import SLOW_RECORDING_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """The recording of an exchange that has ended, in progress."""

    # done once it is known whether both captures are stored: ResponseEnd.actions
    last_actions: asyncio.Future[Actions]
    done: asyncio.Task[None]  # the envelope is stored, or given up


class Recorder:
    """Stores captures and envelopes in the background; never raises into the relay."""

    def __init__(
        self,
        *,
        captures: CaptureUploads,
        envelopes: EnvelopeSink,
        memory: CaptureMemory,
        give_up_after_s: float,
        copied_headers: frozenset[str] = frozenset(),
        retry_interval_s: float = RETRY_INTERVAL_S,
        slow_after_s: float = SLOW_RECORDING_S,
    ) -> None:
        """`give_up_after_s`: how long after an exchange ends the app tries to store the end.
        `slow_after_s`: how long it takes until an exchange that is not recorded yet is logged.
        """
        self.failures = RecordingFailures()
        self.running: set[asyncio.Task[Any]] = set()  # the tasks that record exchanges
        self.outcomes = OutcomeRecorder(
            captures=captures,
            envelopes=envelopes,
            start=self._start,
            failures=self.failures,
            retry_interval_s=retry_interval_s,
            slow_after_s=slow_after_s,
            give_up_after_s=give_up_after_s,
        )
        self.captures = CaptureRecorder(
            store=captures,
            memory=memory,
            copied_headers=copied_headers,
            start=self._start,
            failures=self.failures,
            storage_answered=self.outcomes.storage_answered,
        )

    @property
    def waiting_count(self) -> int:
        return self.outcomes.pending_count

    @property
    def lost_count(self) -> int:
        return self.failures.lost

    def record(self, observation: ExchangeObservation, ending: ExchangeEnding) -> Recording:
        """Store response capture and envelope of an exchange that has ended."""
        last_actions: asyncio.Future[Actions] = asyncio.get_running_loop().create_future()
        done = self._start(self._record(observation, ending, last_actions))
        self.outcomes.log_if_slow(
            done, lambda: envelope_of(observation, ending.require_conclusion())
        )
        # If recording itself has a bug, the client must not wait forever.
        done.add_done_callback(lambda _: _resolve(last_actions, ending))
        return Recording(last_actions=last_actions, done=done)

    def _start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self.running.add(task)  # the event loop itself keeps only a weak reference
        task.add_done_callback(self.running.discard)
        return task

    async def _record(
        self,
        observation: ExchangeObservation,
        ending: ExchangeEnding,
        last_actions: asyncio.Future[Actions],
    ) -> None:
        began_at = asyncio.get_running_loop().time()
        conclusion = ending.require_conclusion()
        # A rejection costs the app no more than a queue message, if it can: nothing else bounds
        # what a caller may have rejected.
        is_rejected = conclusion.outcome is Outcome.REJECTED
        traceless = is_rejected and not self.captures.has_any(observation)
        captures = await self.captures.put(observation, conclusion)
        both = captures.request is not None and captures.response is not None
        response_end = ending.captures_stored() if both else ending.captures_failed()
        last_actions.set_result(response_end.actions)
        if response_end.withheld_bytes is not None:
            observation.response_end_withheld(
                response_end.withheld_bytes, answered_status=response_end.answered_status
            )
        recording_ms = (asyncio.get_running_loop().time() - began_at) * 1000
        recorded_ms = round(observation.to_end_ms + recording_ms, 3)
        # `response_end` has another conclusion than before if the end was withheld
        envelope = envelope_of(
            observation, response_end.conclusion, captures, recorded_ms=recorded_ms
        )
        in_storage = captures.response is not None and response_end.withheld_bytes is None
        await self.outcomes.record(envelope, in_storage=in_storage, traceless=traceless)


def _resolve(last_actions: asyncio.Future[Actions], ending: ExchangeEnding) -> None:
    if not last_actions.done():
        last_actions.set_result(ending.captures_failed().actions)
