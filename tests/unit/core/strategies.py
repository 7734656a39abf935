"""Strategies for any JSON and any envelope."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from harness.sample_envelope import PLAIN, sample_envelope
from shared.core.records.exchange.envelope import MAX_ARRIVALS, Caller, Failure, Timings, bound_text
from shared.core.records.exchange.outcome import Outcome

numbers = st.integers(0, 2**40)
milliseconds = st.floats(0, 1_740_000, allow_nan=False)
maybe_text = st.none() | st.text().map(bound_text)
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
    sample_envelope,
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
