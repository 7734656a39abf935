"""Records how an exchange ended, whatever its outcome: in an outcome capture if its response
capture does not say it, and in the envelope.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from shared.core.records.exchange.envelope import Envelope, dump, outcome_blob
from shared.errors import StorageError
from shared.ports.captures import CaptureSink
from shared.ports.queues import EnvelopeSink
from shared.relay.pending_outcomes import RETRY_INTERVAL_S, PendingOutcomes, StartTask
from shared.relay.recording_failures import RecordingFailures, log_not_stored
from shared.settings.timeouts import SLOW_RECORDING_S

_log = logging.getLogger("fnsse.recording")


class OutcomeRecorder:
    """Stores outcomes and envelopes until one of both stores has taken them; never raises."""

    def __init__(
        self,
        *,
        captures: CaptureSink,
        envelopes: EnvelopeSink,
        start: StartTask,
        failures: RecordingFailures,
        give_up_after_s: float,
        retry_interval_s: float = RETRY_INTERVAL_S,
        slow_after_s: float = SLOW_RECORDING_S,
    ) -> None:
        """`failures` counts what could not be stored. `slow_after_s`: see `log_if_slow`."""
        self._captures = captures
        self._envelopes = envelopes
        self._failures = failures
        self._slow_after_s = slow_after_s
        self._pending = PendingOutcomes(
            store=self._record_pending,
            start=start,
            failures=failures,
            interval_s=retry_interval_s,
            give_up_after_s=give_up_after_s,
        )

    @property
    def pending_count(self) -> int:
        """The number of exchanges that wait for storage to take how they ended."""
        return len(self._pending)

    def storage_answered(self) -> None:
        """A recording call has succeeded: what waits is tried now."""
        self._pending.storage_answered()

    def log_if_slow(self, recording: asyncio.Task[None], envelope: Callable[[], Envelope]) -> None:
        """Log the envelope if the recording takes long. A store that is silent fails late, and the
        worker may be stopped before.
        """

        def log() -> None:
            slow = envelope()
            _log.warning(
                "Exchange %s is not recorded yet. Its envelope: %s", slow.exchange_id, dump(slow)
            )

        timer = asyncio.get_running_loop().call_later(self._slow_after_s, log)
        recording.add_done_callback(lambda _: timer.cancel())

    async def record(self, envelope: Envelope, *, in_storage: bool, traceless: bool) -> None:
        """Store the outcome unless the response capture holds it (`in_storage`), so that every
        later delivery reports it too; then queue the envelope.

        If neither storage nor the queue takes the outcome, it is logged at once, because the worker
        may be stopped before the next try. Storage holds nothing of a `traceless` exchange that
        could contradict its event, so its envelope is only queued.
        """
        if not in_storage and not traceless:
            in_storage = await self._put_outcome(envelope)
            envelope = replace(envelope, outcome_pending=not in_storage)
        if await self._put_envelope(envelope):
            return
        self._failures.envelopes += 1
        if not in_storage and traceless:
            in_storage = await self._put_outcome(envelope)
        if not in_storage:
            _log.error(
                "Exchange %s could not be recorded, and is tried again. Its envelope: %s",
                envelope.exchange_id,
                dump(envelope),
            )
            self._pending.add(envelope)

    async def _record_pending(self, envelope: Envelope) -> bool:
        """Whether storage or the queue has taken how the exchange ended."""
        stored = await self._put_outcome(envelope)
        queued = await self._put_envelope(replace(envelope, outcome_pending=not stored))
        return stored or queued

    async def _put_envelope(self, envelope: Envelope) -> bool:
        return await self._attempt(self._envelopes.put(envelope), "envelope", envelope)

    async def _put_outcome(self, envelope: Envelope) -> bool:
        name, data = outcome_blob(envelope)
        return await self._attempt(self._captures.put(name, (data,)), "outcome", envelope)

    async def _attempt(
        self, storing: Coroutine[Any, Any, None], record_kind: str, envelope: Envelope
    ) -> bool:
        try:
            await storing
        except StorageError as error:
            log_not_stored(record_kind, envelope.exchange_id, str(error))
            return False
        self._pending.storage_answered()
        return True
