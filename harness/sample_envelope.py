"""A valid envelope, for tests and proofs that do not depend on its content."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from shared.core.records.exchange.envelope import Caller, Envelope, Timings
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.outcome import Outcome

EXCHANGE_ID: Final = new_exchange_id(1_731_481_170_000, bytes(range(10)))  # 2024-11-13T06:59:30Z

PLAIN: Final = Envelope(
    exchange_id=EXCHANGE_ID,
    operation="chat.completions",
    deployment="gpt-4o",
    api_version="2024-10-21",
    stream=True,
    started_at="2024-11-13T06:59:30.000000+00:00",
    status_code=200,
    upstream_status_code=200,
    outcome=Outcome.COMPLETED,
    failure=None,
    timings=Timings(
        to_headers_ms=90.0, to_first_chunk_ms=100.0, to_last_chunk_ms=580.0, to_end_ms=584.946
    ),
    arrivals=((10, 100.0), (20, 580.0)),
    chunk_count=2,
    usage=None,
    usage_source="none",
    usage_requested=False,
    request_bytes=5,
    response_bytes=10_000_000,
    sent_bytes=10_000_000,  # no capture of a test is longer
    request_capture=f"2024/11/13/06/{EXCHANGE_ID}.request",
    response_capture=f"2024/11/13/06/{EXCHANGE_ID}.response",
    caller=Caller(),
    trace_parent=None,
)


def sample_envelope(**changes: Any) -> Envelope:
    """PLAIN with these changes."""
    return dataclasses.replace(PLAIN, **changes)
