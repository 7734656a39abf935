"""The decision whether an exchange of a range is erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.decisions.erasure import ErasureDecision, decide
from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.operator import erasure_request
from shared.core.wire.json.json_shape import JsonObject

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
START = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
ID = new_exchange_id(int(START.timestamp() * 1000), bytes(10))
BEFORE, AFTER = START - timedelta(seconds=1), START + timedelta(seconds=1)
OF_ANNA = erasure_request.parse(
    {"user": "anna", "from": "2026-11-23T10:00:00Z", "to": "2026-11-23T11:00:00Z"}, NOW
)
BY_ID = erasure_request.parse({"ids": [ID]}, NOW)
ANNA: JsonObject = {"user": "anna"}
ENDED = frozenset({CaptureKind.REQUEST, CaptureKind.RESPONSE})
OPEN = frozenset({CaptureKind.REQUEST})


@pytest.mark.parametrize(
    ("request_", "kinds", "caller", "oldest_running", "decision"),
    [
        (OF_ANNA, ENDED, ANNA, AFTER, ErasureDecision.ERASE),
        (OF_ANNA, ENDED, ANNA, BEFORE, ErasureDecision.ERASE),
        (OF_ANNA, OPEN, ANNA, AFTER, ErasureDecision.ERASE),
        (OF_ANNA, OPEN, ANNA, BEFORE, ErasureDecision.RUNNING),
        (OF_ANNA, OPEN, {"user": "bert"}, BEFORE, ErasureDecision.OTHER),
        (OF_ANNA, ENDED, {}, AFTER, ErasureDecision.OTHER),
        (OF_ANNA, ENDED, None, AFTER, ErasureDecision.UNREADABLE),
        (BY_ID, ENDED, None, AFTER, ErasureDecision.ERASE),
        (BY_ID, OPEN, None, BEFORE, ErasureDecision.RUNNING),
    ],
)
def test_ended_exchanges_of_the_caller_are_erased(
    request_: erasure_request.ErasureRequest,
    kinds: frozenset[CaptureKind],
    caller: JsonObject | None,
    oldest_running: datetime,
    decision: ErasureDecision,
) -> None:
    """An exchange that started after `oldest_running` may still be running unless a capture says
    how it ended.
    """
    exchange = CapturedExchange(exchange_id=ID, kinds=kinds)
    assert decide(request_, exchange, caller, oldest_running) is decision
