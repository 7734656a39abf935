"""Decides whether an exchange of a range is erased."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.wire.json.json_shape import JsonObject


class ErasureDecision(StrEnum):
    """The decision about one exchange of the range."""

    ERASE = "erase"
    RUNNING = "running"  # its captures may not all be there yet
    UNREADABLE = "unreadable"  # no capture names its caller
    OTHER = "other"  # the request names another caller


def decide(
    request: ErasureRequest,
    exchange: CapturedExchange,
    caller: JsonObject | None,
    oldest_running: datetime,
) -> ErasureDecision:
    """The decision for one exchange.

    `caller` is what the exchange's captures hold of its caller; None if no capture names it. It
    counts only if the request selects callers. An exchange that started after `oldest_running` may
    still be running.
    """
    if request.selects_callers:
        if caller is None:
            return ErasureDecision.UNREADABLE
        if not request.wants_caller(caller):
            return ErasureDecision.OTHER
    if exchange.may_be_running(oldest_running):
        return ErasureDecision.RUNNING
    return ErasureDecision.ERASE
