"""Replaying: a window's exchanges are queued again, a page at a time, with live traffic going first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.core.exceptions import ResourceNotFoundError

from shared.adapters.captures import Captures
from shared.adapters.envelope_queue import EnvelopeQueue
from shared.core.capture import response_name
from shared.core.completeness import Missing, unmatched
from shared.core.envelope import Envelope, replayed
from shared.core.exchange import started_at
from shared.core.replay_request import Replay
from shared.errors import CaptureError, EnvelopeError
from shared.reconciliation import rebuilt

PAGE: Final = 500  # blob names, so about 250 exchanges
# Replay waits while more than this is on the queue: live exchanges are enriched first.
BUSY_QUEUE: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What one step did."""

    queued: int
    unreadable: int  # corrupt captures, which no replay can deliver
    marker: str | None  # where the next page begins; None: the window is done
    busy: bool  # nothing was done: the queue is full of live work


class Replaying:
    """The steps of a replay; the orchestration in blueprints/replay.py strings them together."""

    def __init__(
        self,
        captures: Captures,
        envelopes: EnvelopeQueue,
        longest: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._captures = captures
        self._envelopes = envelopes
        self._longest = longest  # that an exchange can take: a younger one without an answer is not aborted, it is running
        self._clock = clock

    async def page(self, replay: Replay, window: str, marker: str | None) -> Page:
        """Queue one page of a window again. Raises AzureError."""
        if await self._envelopes.approximate_length() > BUSY_QUEUE:
            return Page(queued=0, unreadable=0, marker=marker, busy=True)
        names, following = await self._captures.page(f"{window}/", marker, PAGE)
        queued = unreadable = 0
        for each in unmatched(names):
            if not replay.wants_id(each.exchange_id) or self._may_be_running(each):
                continue
            try:
                envelope = await self._envelope(each)
            except (CaptureError, EnvelopeError):
                unreadable += 1
                continue
            if envelope is not None and replay.wants(envelope):
                await self._envelopes.put(replayed(envelope))
                queued += 1
        return Page(queued=queued, unreadable=unreadable, marker=following, busy=False)

    def _may_be_running(self, each: Missing) -> bool:
        return not each.answered and started_at(each.exchange_id) > self._clock() - self._longest

    async def _envelope(self, each: Missing) -> Envelope | None:
        """None where the exchange belongs to the next page, or was erased meanwhile."""
        try:
            if not each.answered and await self._captures.exists(response_name(each.exchange_id)):
                return None
            return await rebuilt(self._captures, each)
        except ResourceNotFoundError:
            return None
