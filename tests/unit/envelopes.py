"""An envelope to start from, and arbitrary ones."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st

from shared.core.records.envelope import MAX_ARRIVALS, Caller, Envelope, Failure, Timings, bounded
from shared.core.records.exchange_id import new_exchange_id
from shared.core.records.outcome import Outcome

EXCHANGE_ID = new_exchange_id(1_731_481_170_000, bytes(range(10)))  # 2024-11-13T06:59:30Z

PLAIN = Envelope(
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
    usage_asked=False,
    request_bytes=5,
    response_bytes=10_000_000,
    sent_bytes=10_000_000,  # a capture that a test puts beside it is never longer
    request_capture=f"2024/11/13/06/{EXCHANGE_ID}.request",
    response_capture=f"2024/11/13/06/{EXCHANGE_ID}.response",
    caller=Caller(),
    trace_parent=None,
)


def an_envelope(**changes: Any) -> Envelope:
    """PLAIN with these changes."""
    return dataclasses.replace(PLAIN, **changes)


numbers = st.integers(0, 2**40)
milliseconds = st.floats(0, 1_740_000, allow_nan=False)
maybe_text = st.none() | st.text().map(bounded)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)

envelopes = st.builds(
    an_envelope,
    deployment=maybe_text,
    api_version=maybe_text,
    stream=st.none() | st.booleans(),
    status_code=st.none() | st.integers(100, 599),
    upstream_status_code=st.none() | st.integers(100, 599),
    outcome=st.sampled_from(Outcome),
    failure=st.none()
    | st.builds(Failure, code=st.text(max_size=40), message=st.text(max_size=200)),
    timings=st.builds(
        Timings,
        to_headers_ms=st.none() | milliseconds,
        to_first_chunk_ms=st.none() | milliseconds,
        to_last_chunk_ms=st.none() | milliseconds,
        to_end_ms=milliseconds,
    ),
    arrivals=st.lists(st.tuples(numbers, milliseconds), max_size=MAX_ARRIVALS).map(tuple),
    chunk_count=numbers,
    usage=st.none() | st.dictionaries(st.text(), json_values, max_size=4),
    usage_source=st.sampled_from(["upstream", "estimated", "none"]),
    request_bytes=numbers,
    response_bytes=numbers,
    request_capture=st.none() | st.just(PLAIN.request_capture),
    response_capture=st.none() | st.just(PLAIN.response_capture),
    caller=st.builds(
        Caller, subscription=maybe_text, product=maybe_text, user=maybe_text, request_id=maybe_text
    ),
    trace_parent=maybe_text,
)
