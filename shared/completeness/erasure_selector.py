"""Selects the exchanges of a range that are erased. The header of one capture names an exchange's
caller.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.core.decisions import erasure
from shared.core.decisions.erasure import ErasureDecision
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_expired
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.wire.json.json_shape import JsonObject, mapping
from shared.errors import CaptureError, StorageNotFound
from shared.ports.captures import CaptureHeaders


class ErasureSelector:
    """Reads the headers of captures, and decides by the callers that they name."""

    def __init__(
        self, *, captures: CaptureHeaders, max_age: timedelta, clock: Callable[[], datetime]
    ) -> None:
        """`max_age`: an exchange without a response that is younger may still be running."""
        self._captures = captures
        self._max_age = max_age
        self._clock = clock

    async def decide(self, request: ErasureRequest, exchange: CapturedExchange) -> ErasureDecision:
        """Decide about an exchange of the range. Raises StorageError."""
        caller = await self._caller(exchange) if request.selects_callers else None
        return erasure.decide(request, exchange, caller, self._clock() - self._max_age)

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
