"""Erasure: the exchanges of a person or of a subscription are erased, over a range of time.

Captures are listed hour by hour, page by page. A run that names ids takes a hundred of them for a
page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.completeness.erasure_page_runner import (
    MAX_CONCURRENT,
    ErasurePageRunner,
    ErasureSelector,
)
from shared.completeness.exchange_erasure import ExchangeErasure
from shared.completeness.redelivery import find_exchange, whole_exchanges
from shared.concurrency.limits import gather_bounded
from shared.core.records.exchange.captured_exchange import CapturedExchange, captured_exchanges
from shared.core.records.operator import erasure_receipt
from shared.core.records.operator.erasure_receipt import (
    ErasureCounts,
    ErasurePage,
    OperatorIdentity,
    Receipt,
)
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.records.orchestration.erasure_state import ErasurePosition, ErasureStep
from shared.core.wire.json.json_shape import JsonObject
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureListing
from shared.ports.queues import QueueLength

_log = logging.getLogger("fnsse.erasure")

PAGE_SIZE: Final = 500  # names of captures, so about 250 exchanges
ID_PAGE_SIZE: Final = 100  # ids of a request
MAX_EMPTY_WINDOWS: Final = 24  # the empty windows that a step skips before it ends


class ErasureRunner:
    """Carries out the steps of a run, which the orchestration in
    blueprints/completeness/erase.py calls.
    """

    def __init__(
        self,
        *,
        captures: CaptureListing,
        erasure: ExchangeErasure,
        records: JsonStore,
        queues: Mapping[str, QueueLength],
        max_age: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        page_size: int = PAGE_SIZE,
        id_page_size: int = ID_PAGE_SIZE,
        max_concurrent: int = MAX_CONCURRENT,
    ) -> None:
        """`queues`: by their names. `max_age`: an exchange without a response that is younger may
        still be running.
        """
        self._captures = captures
        self._records = records
        self._queues = queues
        self._pages = ErasurePageRunner(
            selector=ErasureSelector(captures=captures, max_age=max_age, now=now),
            erasure=erasure,
            pages=records,
            max_concurrent=max_concurrent,
        )
        self._now = now
        self._page_size = page_size
        self._id_page_size = id_page_size
        self._max_concurrent = max_concurrent

    def part_count(self, request: ErasureRequest) -> int:
        """The number of windows, or of hundreds of ids, that a run goes through."""
        if request.ids is not None:
            return -(-len(request.ids) // self._id_page_size)
        return len(request.windows())

    async def step(
        self, run: str, request: ErasureRequest, position: ErasurePosition
    ) -> ErasureStep:
        """Erase one page. Raises StorageError; a retry of the same page reports the whole page."""
        if request.ids is not None:
            part, next_marker = position.part, None
            exchanges = await self._find_page(sorted(request.ids), position)
        else:
            part, exchanges, next_marker = await self._list_page(request.windows(), position)
        counts = await self._pages.run_page(run, request, position.page, exchanges)
        return ErasureStep(position=position.after_page(part, next_marker), counts=counts)

    async def _find_page(
        self, ids: Sequence[str], position: ErasurePosition
    ) -> list[CapturedExchange]:
        """The exchanges of the next page of ids, without those of which nothing is stored."""

        async def find(exchange_id: str) -> CapturedExchange:
            return await find_exchange(self._captures, exchange_id)

        first = position.part * self._id_page_size
        exchanges = await gather_bounded(
            find, ids[first : first + self._id_page_size], limit=self._max_concurrent
        )
        return [exchange for exchange in exchanges if exchange.kinds]

    async def _list_page(
        self, windows: Sequence[str], position: ErasurePosition
    ) -> tuple[int, list[CapturedExchange], str | None]:
        """The next page with captures, or an empty one if the next windows are empty: its window,
        its exchanges, and the marker of the page after it in that window.
        """
        marker = position.marker
        for part in range(position.part, min(len(windows), position.part + MAX_EMPTY_WINDOWS)):
            names, next_marker = await self._captures.page(
                f"{windows[part]}/", marker, self._page_size
            )
            if names or next_marker is not None:
                break
            marker = None
        exchanges = await whole_exchanges(
            self._captures,
            list(captured_exchanges(names)),
            first=marker is None,
            last=next_marker is None,
        )
        return part, exchanges, next_marker

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
            ended_at=self._now(),
            counts=counts,
            queued={name: await queue.approximate_length() for name, queue in self._queues.items()},
        ).to_json()
        await self._records.put(erasure_receipt.receipt_name(run), receipt)
        if not request.dry_run:
            operator_name = operator.object_id or operator.auth
            _log.warning(
                "Erasure %s, asked for by %s: %s", run, operator_name, json.dumps(asdict(counts))
            )
        return receipt

    async def receipt(self, run: str) -> JsonObject | None:
        """The receipt of a run; None if it has not ended. Raises StorageError."""
        return await self._records.get(erasure_receipt.receipt_name(run))

    async def ids(self, run: str) -> ErasurePage:
        """The ids that a run has selected until now. Raises StorageError."""
        pages = [
            await self._pages.stored_page(name)
            async for name in self._records.names(erasure_receipt.pages_prefix(run))
        ]
        return sum(pages, ErasurePage())
