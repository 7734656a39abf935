"""Erasure: the exchanges of a person or of a subscription are erased, over a range of time.

Captures are listed hour by hour. The ids that a page finds are stored before they are erased, so
that a page that is tried again reports all of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, Self

from shared.completeness.erasure_selector import ErasureSelector, Selection
from shared.completeness.exchange_erasure import ExchangeErasure
from shared.completeness.ports import CheckpointStore, MeasuredQueue
from shared.completeness.redelivery import find_exchange, whole_exchanges
from shared.completeness.replay import CapturePages
from shared.concurrency.gather import gather_bounded
from shared.core.records.completeness.comparison import CapturedExchange, captured_exchanges
from shared.core.records.operator import erasure_receipt
from shared.core.records.operator.erasure_receipt import (
    ErasureCounts,
    ErasurePage,
    OperatorIdentity,
    Receipt,
)
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import JsonObject

_log = logging.getLogger("fnsse.erasure")

PAGE: Final = 500  # names of captures, so about 250 exchanges
ID_PAGE: Final = 100  # of the ids of a request
MAX_EMPTY_WINDOWS: Final = 24  # that a page goes through before it ends
# Of the worker's hundred connections to storage, so that recordings do not wait.
_MAX_CONCURRENT: Final = 8


class ErasureRecords(CheckpointStore, Protocol):
    """Receipts and the ids of pages: a small JSON object for each name."""

    def names(self, prefix: str) -> AsyncIterator[str]:
        """The names with that prefix, in their order. Raises StorageError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far a run is."""

    part: int = 0  # the window, or the hundred of ids, that comes next
    marker: str | None = None  # of the next page in that window; None: its first page
    page: int = 0  # the number of the next page


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureStep:
    """The result of one step of a run."""

    position: Position  # of the next step
    counts: ErasureCounts

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """The step that `as_json` wrote."""
        return typed_json.read(cls, dict(fields))

    def as_json(self) -> JsonObject:
        """The result that the activity returns to the orchestration."""
        return asdict(self)


class ErasureRunner:
    """The steps of a run. The orchestration in blueprints/completeness/erase.py calls them."""

    def __init__(
        self,
        captures: CapturePages,
        erasure: ExchangeErasure,
        records: ErasureRecords,
        queues: Mapping[str, MeasuredQueue],
        max_age: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        page: int = PAGE,
        id_page: int = ID_PAGE,
    ) -> None:
        """`queues`: by their names. `max_age`: an exchange without a response that is younger may
        still be running.
        """
        self._captures = captures
        self._erasure = erasure
        self._records = records
        self._queues = queues
        self._selector = ErasureSelector(captures, max_age, clock)
        self._clock = clock
        self._page = page
        self._id_page = id_page

    def part_count(self, request: ErasureRequest) -> int:
        """How many windows, or hundreds of ids, a run goes through."""
        if request.ids is not None:
            return -(-len(request.ids) // self._id_page)
        return len(request.windows())

    async def step(self, run: str, request: ErasureRequest, position: Position) -> ErasureStep:
        """Erase one page. Raises StorageError; a retry of the same page reports the whole page."""
        if request.ids is not None:
            return await self._step_of_ids(run, request, position, sorted(request.ids))
        windows = request.windows()
        for part in range(position.part, min(len(windows), position.part + MAX_EMPTY_WINDOWS)):
            marker = position.marker if part == position.part else None
            names, next_marker = await self._captures.page(f"{windows[part]}/", marker, self._page)
            if names or next_marker is not None or part + 1 == len(windows):
                exchanges = await whole_exchanges(
                    self._captures,
                    list(captured_exchanges(names)),
                    first=marker is None,
                    last=next_marker is None,
                )
                following = Position(
                    part=part + (next_marker is None), marker=next_marker, page=position.page + 1
                )
                counts = await self._erase(run, request, position.page, exchanges)
                return ErasureStep(position=following, counts=counts)
        following = Position(part=part + 1, page=position.page + 1)
        return ErasureStep(position=following, counts=ErasureCounts())

    async def _step_of_ids(
        self, run: str, request: ErasureRequest, position: Position, ids: Sequence[str]
    ) -> ErasureStep:
        first = position.part * self._id_page

        async def find(exchange_id: str) -> CapturedExchange:
            return await find_exchange(self._captures, exchange_id)

        found = await gather_bounded(
            find, ids[first : first + self._id_page], limit=_MAX_CONCURRENT
        )
        counts = await self._erase(
            run, request, position.page, [exchange for exchange in found if exchange.kinds]
        )
        following = Position(part=position.part + 1, page=position.page + 1)
        return ErasureStep(position=following, counts=counts)

    async def finish(
        self,
        run: str,
        request: ErasureRequest,
        operator: OperatorIdentity,
        requested_at: datetime,
        counts: ErasureCounts,
    ) -> JsonObject:
        """Store the receipt, and return it. Raises StorageError."""
        receipt = Receipt(
            run=run,
            request=request,
            operator=operator,
            requested_at=requested_at,
            ended_at=self._clock(),
            counts=counts,
            queued={name: await queue.approximate_length() for name, queue in self._queues.items()},
        ).as_json()
        await self._records.put(erasure_receipt.receipt_name(run), receipt)
        if not request.dry_run:
            asked_by = operator.object_id or operator.auth
            _log.warning(
                "Erasure %s, asked for by %s: %s", run, asked_by, json.dumps(asdict(counts))
            )
        return receipt

    async def receipt(self, run: str) -> JsonObject | None:
        """The receipt of a run; None if it has not ended. Raises StorageError."""
        return await self._records.get(erasure_receipt.receipt_name(run))

    async def ids(self, run: str) -> ErasurePage:
        """The ids that a run has found until now. Raises StorageError."""
        pages = [
            await self._stored_page(name)
            async for name in self._records.names(erasure_receipt.pages_prefix(run))
        ]
        return sum(pages, ErasurePage())

    async def _erase(
        self, run: str, request: ErasureRequest, page: int, listed: Iterable[CapturedExchange]
    ) -> ErasureCounts:
        exchanges = [exchange for exchange in listed if request.wants_id(exchange.exchange_id)]
        name = erasure_receipt.page_name(run, page)
        # what an attempt before this one had found, and perhaps erased
        known = (await self._stored_page(name)).exchange_ids
        found = await self._found(request, exchanges, known)
        if found:
            await self._records.put(name, found.as_json())
        if not request.dry_run and found.exchange_ids:
            found = await self._erased(run, found)
            if found.immutable:
                await self._records.put(name, found.as_json())
        searched = {*known, *(exchange.exchange_id for exchange in exchanges)}
        return ErasureCounts(
            searched=len(searched),
            matched=len(found.exchange_ids) + len(found.running) + len(found.immutable),
            erased=0 if request.dry_run else len(found.exchange_ids),
            running=len(found.running),
            unreadable=len(found.unreadable),
            immutable=len(found.immutable),
        )

    async def _found(
        self,
        request: ErasureRequest,
        exchanges: Sequence[CapturedExchange],
        known: Iterable[str],
    ) -> ErasurePage:
        async def select(exchange: CapturedExchange) -> Selection:
            return await self._selector.select(request, exchange)

        selections = await gather_bounded(select, exchanges, limit=_MAX_CONCURRENT)

        def chosen(selection: Selection) -> tuple[str, ...]:
            return tuple(
                exchange.exchange_id
                for exchange, decided in zip(exchanges, selections, strict=True)
                if decided is selection
            )

        return ErasurePage(
            exchange_ids=tuple(sorted({*known, *chosen(Selection.ERASE)})),
            running=chosen(Selection.RUNNING),
            unreadable=chosen(Selection.UNREADABLE),
        )

    async def _erased(self, run: str, found: ErasurePage) -> ErasurePage:
        """The page once its exchanges are erased, those apart that storage must keep."""

        async def erase(exchange_id: str) -> bool:
            return await self._erasure.mark_and_erase(exchange_id, run)

        results = await gather_bounded(erase, found.exchange_ids, limit=_MAX_CONCURRENT)
        results_by_id = dict(zip(found.exchange_ids, results, strict=True))
        return replace(
            found,
            exchange_ids=tuple(one for one, is_erased in results_by_id.items() if is_erased),
            immutable=tuple(one for one, is_erased in results_by_id.items() if not is_erased),
        )

    async def _stored_page(self, name: str) -> ErasurePage:
        return ErasurePage.from_json(await self._records.get(name) or {})
