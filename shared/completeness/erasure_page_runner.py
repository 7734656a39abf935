"""Selects and erases the exchanges of one page of a run. The header of one capture names an
exchange's caller.

The ids that a page selects are stored before they are erased, so that a page that is tried again
reports all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.completeness.exchange_erasure import ExchangeErasure
from shared.concurrency.limits import gather_bounded
from shared.core.decisions import erasure
from shared.core.decisions.erasure import ErasureDecision
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_expired
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.operator import erasure_receipt
from shared.core.records.operator.erasure_receipt import ErasureCounts, ErasurePage
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.wire.json.json_shape import JsonObject, mapping
from shared.errors import CaptureError, StorageImmutable, StorageNotFound
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureHeaders

# The worker has a hundred connections to storage; recordings must not wait for one.
MAX_CONCURRENT: Final = 8


class ErasureSelector:
    """Reads the headers of captures, and decides by the callers that they name."""

    def __init__(
        self, *, captures: CaptureHeaders, max_age: timedelta, now: Callable[[], datetime]
    ) -> None:
        """`max_age`: an exchange without a response that is younger may still be running."""
        self._captures = captures
        self._max_age = max_age
        self._now = now

    async def decide(self, request: ErasureRequest, exchange: CapturedExchange) -> ErasureDecision:
        """Decide about an exchange of the range. Raises StorageError."""
        caller = await self._caller(exchange) if request.selects_callers else None
        return erasure.decide(request, exchange, caller, self._now() - self._max_age)

    async def _caller(self, exchange: CapturedExchange) -> JsonObject | None:
        """The caller that the first readable capture names; None if none can be read.

        The result is {}, which names nobody, if the exchange was erased meanwhile.
        """
        unreadable = False
        for kind in (CaptureKind.REQUEST, CaptureKind.OUTCOME, CaptureKind.RESPONSE):
            if kind not in exchange.kinds:
                continue
            try:
                header = await self._captures.header(capture_name(exchange.exchange_id, kind))
            except StorageNotFound:
                continue
            except CaptureError:
                unreadable = True
                continue
            if is_expired(header):  # it does not name the caller any more
                continue
            owner = header if kind is CaptureKind.REQUEST else mapping(header.get("envelope"))
            if "caller" in owner:
                return mapping(owner["caller"])
            unreadable = True
        return None if unreadable else {}


class ErasurePageRunner:
    """Selects the exchanges of a page, stores their ids and erases them."""

    def __init__(
        self,
        *,
        selector: ErasureSelector,
        erasure: ExchangeErasure,
        pages: JsonStore,
        max_concurrent: int = MAX_CONCURRENT,
    ) -> None:
        """`pages` stores the ids of each page."""
        self._selector = selector
        self._erasure = erasure
        self._pages = pages
        self._max_concurrent = max_concurrent

    async def run_page(
        self,
        run: str,
        request: ErasureRequest,
        number: int,
        candidates: Iterable[CapturedExchange],
    ) -> ErasureCounts:
        """Erase those candidates that the request selects. Raises StorageError; a retry of the same
        page counts what all attempts have erased.
        """
        exchanges = [exchange for exchange in candidates if request.wants_id(exchange.exchange_id)]
        name = erasure_receipt.page_name(run, number)
        # an earlier attempt selected these, and may have erased them
        earlier_ids = (await self.stored_page(name)).exchange_ids
        page = await self._select_page(request, exchanges, earlier_ids)
        if page:
            await self._pages.put(name, page.to_json())
        if not request.dry_run and page.exchange_ids:
            page = await self._erase_page(run, page)
            if page.immutable:
                await self._pages.put(name, page.to_json())
        searched = {*earlier_ids, *(exchange.exchange_id for exchange in exchanges)}
        return ErasureCounts(
            searched=len(searched),
            matched=len(page.exchange_ids) + len(page.running) + len(page.immutable),
            erased=0 if request.dry_run else len(page.exchange_ids),
            running=len(page.running),
            unreadable=len(page.unreadable),
            immutable=len(page.immutable),
        )

    async def stored_page(self, name: str) -> ErasurePage:
        """The ids of a page, by the name of its blob; an empty page if there are none. Raises
        StorageError.
        """
        return ErasurePage.from_json(await self._pages.get(name) or {})

    async def _select_page(
        self,
        request: ErasureRequest,
        exchanges: Sequence[CapturedExchange],
        earlier_ids: Iterable[str],
    ) -> ErasurePage:
        async def decide(exchange: CapturedExchange) -> ErasureDecision:
            return await self._selector.decide(request, exchange)

        decisions = await gather_bounded(decide, exchanges, limit=self._max_concurrent)

        def ids_with(decision: ErasureDecision) -> tuple[str, ...]:
            return tuple(
                exchange.exchange_id
                for exchange, own_decision in zip(exchanges, decisions, strict=True)
                if own_decision is decision
            )

        return ErasurePage(
            exchange_ids=tuple(sorted({*earlier_ids, *ids_with(ErasureDecision.ERASE)})),
            running=ids_with(ErasureDecision.RUNNING),
            unreadable=ids_with(ErasureDecision.UNREADABLE),
        )

    async def _erase_page(self, run: str, page: ErasurePage) -> ErasurePage:
        """Erase the exchanges of a page. Returns the page without those that storage must keep,
        which are listed as `immutable` instead.
        """

        async def erase(exchange_id: str) -> bool:
            try:
                await self._erasure.erase(exchange_id, run)
            except StorageImmutable:
                return False
            return True

        results = await gather_bounded(erase, page.exchange_ids, limit=self._max_concurrent)
        results_by_id = dict(zip(page.exchange_ids, results, strict=True))
        return replace(
            page,
            exchange_ids=tuple(
                exchange_id for exchange_id, is_erased in results_by_id.items() if is_erased
            ),
            immutable=tuple(
                exchange_id for exchange_id, is_erased in results_by_id.items() if not is_erased
            ),
        )
