"""Replay: the exchanges of a time range are delivered again, on purpose.

A window's exchanges are queued a page at a time, and live exchanges go first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol, Self

from shared.completeness.back_pressure import BackPressure
from shared.completeness.ports import CaptureHeaders, CheckpointStore, EnvelopeSink
from shared.completeness.redelivery import MAX_CONCURRENT, rebuild_envelope, whole_exchanges
from shared.concurrency.gather import gather_bounded
from shared.core.records.completeness.checkpoint import resume
from shared.core.records.completeness.comparison import CapturedExchange, captured_exchanges
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_erased
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import mark_replayed
from shared.core.records.operator.replay_request import ReplayRequest
from shared.core.wire.content_mode import ContentMode
from shared.errors import CaptureError, CaptureExpired, EnvelopeError, StorageNotFound

_BODIES: Final = (CaptureKind.REQUEST, CaptureKind.RESPONSE)
PAGE: Final = 500  # names of captures, so about 250 exchanges
BATCH: Final = 50  # exchanges: a retried page repeats no more than these
# Replay waits while more than this is queued: live exchanges are enriched first.
MAX_QUEUED: Final = 1_000


class ReplayResult(StrEnum):
    """The result of one exchange of a replay."""

    QUEUED = "queued"
    UNREADABLE = "unreadable"  # its captures are corrupt
    UNWANTED = "unwanted"  # the request does not select it, or it was erased since it was listed
    ERASED = "erased"  # its retention is over, or it was redacted and its bodies are gone


class CapturePages(CaptureHeaders, Protocol):
    """The captures of a window, page by page. Each method raises StorageError."""

    async def page(
        self, prefix: str, marker: str | None, count: int
    ) -> tuple[list[str], str | None]:
        """At most `count` names with that prefix, and the next page's marker; None after the last.

        `marker` is None for the first page.
        """
        ...

    async def exists(self, name: str) -> bool:
        """Whether there is a capture of that name."""
        ...


class ReplayLedger(Protocol):
    """The ledger."""

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """By exchange: what its first event was made of. Raises StorageError."""
        ...

    async def erased(self, window: str) -> set[str]:
        """The exchanges of a window that an operator erased. Raises StorageError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayPage:
    """The result of one step of a replay."""

    queued: int
    unreadable: int  # corrupt captures, which no replay can deliver
    marker: str | None  # of the next page; None: the window is done
    waiting: str | None  # why nothing was queued: live work, or the Event Hub is not ready
    # by an operator or by retention; or redacted ones, whose bodies are gone
    erased: int = 0

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The page that `as_json` wrote."""
        return cls(**fields)

    def as_json(self) -> dict[str, Any]:
        """The result that the activity returns to the orchestration."""
        return asdict(self)


class ReplayRunner:
    """The steps of a replay. The orchestration in blueprints/completeness/replay.py calls them."""

    def __init__(
        self,
        captures: CapturePages,
        ledger: ReplayLedger,
        envelopes: EnvelopeSink,
        checkpoints: CheckpointStore,
        back_pressure: BackPressure,
        max_age: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        page: int = PAGE,
        batch: int = BATCH,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        """`max_age`: an exchange without a response that is younger may still be running."""
        self._captures = captures
        self._ledger = ledger
        self._envelopes = envelopes
        self._checkpoints = checkpoints
        self._back_pressure = back_pressure
        self._max_age = max_age
        self._clock = clock
        self._page = page
        self._batch = batch
        self._max_queued = max_queued

    async def queue_page(
        self, instance: str, request: ReplayRequest, window: str, marker: str | None
    ) -> ReplayPage:
        """Queue one page of a window; `instance` is the orchestration's id. Raises StorageError.

        A retry of the same page resumes after the last whole batch of the first attempt.
        """
        if reason := await self._back_pressure.replay_blocked_reason(self._max_queued):
            return ReplayPage(queued=0, unreadable=0, marker=marker, waiting=reason)
        checkpoint_name = f"progress/replay/{instance}.json"
        checkpoint = resume(f"{window} {marker}", await self._checkpoints.get(checkpoint_name))
        names, next_marker = await self._captures.page(f"{window}/", marker, self._page)
        exchanges = await whole_exchanges(
            self._captures,
            list(captured_exchanges(names)),
            first=marker is None,
            last=next_marker is None,
        )
        matches = [
            exchange
            for exchange in exchanges
            if self._is_wanted(request, exchange) and not checkpoint.is_done(exchange.exchange_id)
        ]
        first_digests = await self._first_digests(window, matches)

        async def requeue(exchange: CapturedExchange) -> ReplayResult:
            return await self._requeue(request, exchange, first_digests.get(exchange.exchange_id))

        for first in range(0, len(matches), self._batch):
            batch = matches[first : first + self._batch]
            results = await gather_bounded(requeue, batch, limit=MAX_CONCURRENT)
            checkpoint.counts.update(results)
            checkpoint.after = batch[-1].exchange_id
            await self._checkpoints.put(checkpoint_name, checkpoint.as_json())
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

    async def _erased_count(self, request: ReplayRequest, window: str) -> int:
        """How many exchanges of a window an operator has erased that the request may select. What
        their envelopes said is gone as well.
        """
        return sum(map(request.wants_id, await self._ledger.erased(window)))

    def _is_wanted(self, request: ReplayRequest, exchange: CapturedExchange) -> bool:
        return request.wants_id(exchange.exchange_id) and not self._may_be_running(exchange)

    def _may_be_running(self, exchange: CapturedExchange) -> bool:
        return exchange.may_be_running(self._clock() - self._max_age)

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
