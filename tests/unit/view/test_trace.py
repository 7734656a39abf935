"""The trace of an exchange."""

from __future__ import annotations

from shared.core.telemetry import spans
from tests.golden import load
from tests.golden.telemetry_text import OPTIONS, exchange_of, first_delivery
from tests.unit.view.events import GOLDEN, golden
from view.exchange.trace import trace_id


def test_the_id_is_the_one_that_telemetry_gives_the_trace() -> None:
    """The caller's, or one that follows from the exchange's id."""
    for case in GOLDEN:
        exchange = exchange_of(load(case))
        trace = spans.trace_of(exchange, first_delivery(exchange), OPTIONS)
        assert trace_id(golden(case)) == f"{trace.trace_id:032x}", case
