"""W3C traceparent: what is valid is read, and anything else is no parent."""

from __future__ import annotations

import pytest

from shared.core.telemetry import trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EXCHANGE_ID = "019aaf6a-8c40-7000-8000-000000000000"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True)])
def test_the_callers_span_is_read(flags: str, sampled: bool) -> None:
    parent = trace_context.parse(f" 00-{TRACE}-{SPAN}-{flags} ")
    assert parent is not None
    assert (parent.span.trace_id, parent.span.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert parent.sampled is sampled


def test_a_later_version_may_say_more() -> None:
    assert trace_context.parse(f"01-{TRACE}-{SPAN}-01-more") is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00-1-2-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_what_is_not_valid_is_not_a_parent(header: str | None) -> None:
    assert trace_context.parse(header) is None
    span = trace_context.span_of(EXCHANGE_ID, header)
    assert span.trace_id
    assert span == trace_context.span_of(EXCHANGE_ID, None)


def test_the_exchanges_span_is_in_the_callers_trace() -> None:
    span = trace_context.span_of(EXCHANGE_ID, f"00-{TRACE}-{SPAN}-01")
    assert span.trace_id == int(TRACE, 16)
    assert span.span_id == trace_context.span_of(EXCHANGE_ID, None).span_id
