"""The W3C trace context of an exchange.

Its spans' ids follow from the exchange's own id, so that a later delivery can link to spans that
were exported long before, although nothing of them is stored.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

# Later versions may append more after the flags (https://www.w3.org/TR/trace-context/).
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_SAMPLED: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanRef:
    """A span by its ids."""

    trace_id: int  # 128 bits
    span_id: int  # 64 bits


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceParent:
    """A traceparent header, read."""

    span: SpanRef  # the caller's
    sampled: bool  # the caller reports its span


def parse(traceparent: str | None) -> TraceParent | None:
    """The caller's span; None if the header is absent or malformed."""
    match = _TRACEPARENT.fullmatch((traceparent or "").strip())
    if match is None or (match[0].startswith("00") and len(match[0]) > 55):
        return None
    span = SpanRef(trace_id=int(match[1], 16), span_id=int(match[2], 16))
    return TraceParent(span=span, sampled=bool(int(match[3], 16) & _SAMPLED))


def span_of(exchange_id: str, traceparent: str | None) -> SpanRef:
    """The exchange's own span: in the caller's trace, otherwise in one of its own."""
    parent = parse(traceparent)
    trace_id = parent.span.trace_id if parent else derived_id(exchange_id, "trace", 16)
    return SpanRef(trace_id=trace_id, span_id=derived_id(exchange_id, "exchange", 8))


def derived_id(exchange_id: str, purpose: str, size_bytes: int) -> int:
    """An id of a span or a trace, the same each time. It is a hash, because an exchange id begins
    with the time and samplers want random bits.
    """
    digest = hashlib.sha256(f"{purpose} {exchange_id}".encode()).digest()
    return int.from_bytes(digest[:size_bytes])
