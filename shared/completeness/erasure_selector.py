"""Decides which exchanges of a range an erasure takes: the header of one capture tells whose an
exchange is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from shared.completeness.ports import CaptureHeaders
from shared.core.records.completeness.comparison import CapturedExchange
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_expired
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.wire.json.json_shape import JsonObject, mapping
from shared.errors import CaptureError, StorageNotFound


class Selection(StrEnum):
    """What is to become of an exchange that the range holds."""

    ERASE = "erase"
    RUNNING = "running"  # its captures may not all be there yet
    UNREADABLE = "unreadable"  # no capture tells whose it is
    OTHER = "other"  # somebody else's


class ErasureSelector:
    """Reads headers, and decides."""

    def __init__(
        self, captures: CaptureHeaders, max_age: timedelta, clock: Callable[[], datetime]
    ) -> None:
        """`max_age`: an exchange without a response that is younger may still be running."""
        self._captures = captures
        self._max_age = max_age
        self._clock = clock

    async def select(self, request: ErasureRequest, exchange: CapturedExchange) -> Selection:
        """What is to become of an exchange of the range. Raises StorageError."""
        if request.selects_callers:
            caller = await self._caller(exchange)
            if caller is None:
                return Selection.UNREADABLE
            if not request.wants_caller(caller):
                return Selection.OTHER
        if exchange.may_be_running(self._clock() - self._max_age):
            return Selection.RUNNING
        return Selection.ERASE

    async def _caller(self, exchange: CapturedExchange) -> JsonObject | None:
        """The caller that the first readable capture names; None if none can be read.

        {}, which is nobody, if the exchange was erased meanwhile.
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
            if is_expired(header):  # it says no more who called
                continue
            stated = header if kind is CaptureKind.REQUEST else mapping(header.get("envelope"))
            if "caller" in stated:
                return mapping(stated["caller"])
            unreadable = True
        return None if unreadable else {}
