"""Replay: the exchanges of a time range are delivered again, on purpose.

A window's exchanges are queued a page at a time, and live exchanges go first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.completeness.back_pressure import BackPressure
from shared.completeness.redelivery import MAX_CONCURRENT, rebuild_envelope, whole_exchanges
from shared.completeness.stored_checkpoint import StoredCheckpoint
from shared.concurrency.limits import gather_bounded
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_erased
from shared.core.records.exchange.captured_exchange import CapturedExchange, captured_exchanges
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import mark_replayed
from shared.core.records.operator.replay_request import ReplayRequest
from shared.core.records.orchestration.replay_state import ReplayPage
from shared.core.wire.content_mode import ContentMode
from shared.errors import CaptureError, CaptureExpired, EnvelopeError, StorageNotFound
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureListing
from shared.ports.ledger import DeliveryDigests, ErasureMarkStore
from shared.ports.queues import EnvelopeSink

_BODIES: Final = (CaptureKind.REQUEST, CaptureKind.RESPONSE)
PAGE_SIZE: Final = 500  # names of captures, so about 250 exchanges
BATCH_SIZE: Final = 50  # exchanges: a retried page repeats no more than these
# Replay waits while more than this is queued: live exchanges are enriched first.
MAX_QUEUED: Final = 1_000


class ReplayResult(StrEnum):
    """The result of one exchange of a replay."""

    QUEUED = "queued"
    UNREADABLE = "unreadable"  # its captures are corrupt
    UNWANTED = "unwanted"  # the request does not select it, or it was erased since it was listed
    ERASED = "erased"  # its retention is over, or it was redacted and its bodies are erased


class ReplayRunner:
    """Carries out the steps of a replay, which the orchestration in
    blueprints/completeness/replay.py calls.
    """

    def __init__(
        self,
        *,
        captures: CaptureListing,
        ledger: DeliveryDigests,
        erasure_marks: ErasureMarkStore,
        envelopes: EnvelopeSink,
        checkpoints: JsonStore,
        back_pressure: BackPressure,
        max_age: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        page_size: int = PAGE_SIZE,
        batch_size: int = BATCH_SIZE,
        max_concurrent: int = MAX_CONCURRENT,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        """`max_age`: an exchange without a response that is younger may still be running."""
        self._captures = captures
        self._ledger = ledger
        self._erasure_marks = erasure_marks
        self._envelopes = envelopes
        self._checkpoints = checkpoints
        self._back_pressure = back_pressure
        self._max_age = max_age
        self._now = now
        self._page_size = page_size
        self._batch_size = batch_size
        self._max_concurrent = max_concurrent
        self._max_queued = max_queued

    async def queue_page(
        self, instance: str, request: ReplayRequest, window: str, marker: str | None
    ) -> ReplayPage:
        """Queue one page of a window; `instance` is the orchestration's id. Raises StorageError.

        A retry of the same page resumes after the last whole batch of the first attempt.
        """
        if reason := await self._back_pressure.replay_blocked_reason(self._max_queued):
            return ReplayPage(queued=0, unreadable=0, marker=marker, waiting=reason)
        checkpoint = await StoredCheckpoint.resume(
            self._checkpoints, f"progress/replay/{instance}.json", step=f"{window} {marker}"
        )
        exchanges, next_marker = await self._list_page(window, marker)
        matches = [
            exchange
            for exchange in exchanges
            if self._matches(request, exchange) and not checkpoint.is_done(exchange.exchange_id)
        ]
        await self._queue_batches(request, window, matches, checkpoint)
        erased = checkpoint.counts[ReplayResult.ERASED]
        if next_marker is None:
            erased += await self._erased_count(request, window)
        return ReplayPage(
            queued=checkpoint.counts[ReplayResult.QUEUED],
            unreadable=checkpoint.counts[ReplayResult.UNREADABLE],
            marker=next_marker,
            waiting=None,
            erased=erased,
        )

    async def _list_page(
        self, window: str, marker: str | None
    ) -> tuple[list[CapturedExchange], str | None]:
        """The exchanges of a page, and the next page's marker."""
        names, next_marker = await self._captures.page(f"{window}/", marker, self._page_size)
        exchanges = await whole_exchanges(
            self._captures,
            list(captured_exchanges(names)),
            first=marker is None,
            last=next_marker is None,
        )
        return exchanges, next_marker

    def _matches(self, request: ReplayRequest, exchange: CapturedExchange) -> bool:
        """Whether the request selects an exchange by its id, and it is not running any more."""
        oldest_running = self._now() - self._max_age
        return request.wants_id(exchange.exchange_id) and not exchange.may_be_running(
            oldest_running
        )

    async def _queue_batches(
        self,
        request: ReplayRequest,
        window: str,
        exchanges: Sequence[CapturedExchange],
        checkpoint: StoredCheckpoint,
    ) -> None:
        """Queue the exchanges, count the results and advance the checkpoint after each batch."""
        first_digests = await self._first_digests(window, exchanges)

        async def requeue(exchange: CapturedExchange) -> ReplayResult:
            return await self._requeue(request, exchange, first_digests.get(exchange.exchange_id))

        for batch in itertools.batched(exchanges, self._batch_size, strict=False):
            checkpoint.counts.update(
                await gather_bounded(requeue, batch, limit=self._max_concurrent)
            )
            await checkpoint.advance(batch[-1].exchange_id)

    async def _erased_count(self, request: ReplayRequest, window: str) -> int:
        """How many exchanges of a window an operator has erased that the request may select. Their
        envelopes are erased as well, so only their ids are compared.
        """
        return sum(map(request.wants_id, await self._erasure_marks.erased_ids(window)))

    async def _first_digests(
        self, window: str, exchanges: Collection[CapturedExchange]
    ) -> dict[str, Digests]:
        if not exchanges:
            return {}
        exchange_ids = {exchange.exchange_id for exchange in exchanges}
        return await self._ledger.first_digests(window, exchange_ids)

    async def _requeue(
        self,
        request: ReplayRequest,
        exchange: CapturedExchange,
        first_delivery: Digests | None,
    ) -> ReplayResult:
        try:
            envelope = await rebuild_envelope(self._captures, exchange)
        except (CaptureError, EnvelopeError):
            return ReplayResult.UNREADABLE
        except CaptureExpired:
            return ReplayResult.ERASED
        except StorageNotFound:  # erased since its captures were listed
            return ReplayResult.UNWANTED
        if not request.wants(envelope):
            return ReplayResult.UNWANTED
        if envelope.content_mode is ContentMode.REDACTED and await self._is_erased(exchange):
            return ReplayResult.ERASED
        await self._envelopes.put(mark_replayed(envelope, first_delivery))
        return ReplayResult.QUEUED

    async def _is_erased(self, exchange: CapturedExchange) -> bool:
        """Whether the bodies of a redacted exchange are gone. The request's goes first."""
        kinds = (kind for kind in _BODIES if kind in exchange.kinds)
        name = capture_name(exchange.exchange_id, next(kinds, CaptureKind.OUTCOME))
        try:
            return is_erased(await self._captures.header(name))
        except StorageNotFound:
            return True
