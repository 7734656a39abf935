"""Builds the envelope of the exchange that records how a followed response ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from shared.core.event.usage import recorded_usage
from shared.core.exchange import failures
from shared.core.exchange.conclusion import COMPLETED, ResponseCompleteness
from shared.core.records.exchange.capture import response_name
from shared.core.records.exchange.envelope import NO_TIMINGS, Envelope, Timings, bound_text
from shared.core.records.queue.follow_up import FollowUp
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.core.wire.http.headers import is_readable
from shared.core.wire.operations import spec_of
from shared.core.wire.stream.tail import TAIL_BYTES, Tail, tail_of_json
from shared.errors import UpstreamError

_UNREAD: Final = Tail(finished=True, usage=None)

# The upstream's response to a poll of a background response, or why there is none.
type FetchResult = FetchedResponse | UpstreamError


def build(
    follow_up: FollowUp, result: FetchResult, polled_at: datetime, exchange_id: str
) -> Envelope:
    """The envelope of the exchange that records how a response ended. `polled_at` is when the
    response was polled.
    """
    if isinstance(result, FetchedResponse):
        fetched, conclusion = result, COMPLETED
        tail = _tail(result, follow_up.operation)
    else:
        fetched, conclusion = None, failures.translate(result).conclusion
        tail = _UNREAD
    usage, usage_source = recorded_usage(tail.usage, follow_up.content_mode)
    status = fetched.status if fetched else None
    size = len(fetched.body) if fetched else 0
    return Envelope(
        exchange_id=exchange_id,
        operation=follow_up.operation,
        deployment=follow_up.deployment,
        api_version=follow_up.api_version,
        method=spec_of(follow_up.operation).method,
        path=bound_text(follow_up.target_path),
        stream=False if fetched else None,
        started_at=polled_at.astimezone(UTC).isoformat(timespec="microseconds"),
        status_code=status,
        upstream_status_code=status,
        outcome=ResponseCompleteness(tail=tail, is_stream=False, end_is_known=True).outcome(
            conclusion, upstream_status=status
        ),
        failure=conclusion.failure,
        timings=_timings(fetched),
        arrivals=((size, fetched.to_end_ms),) if fetched and size else (),
        chunk_count=int(size > 0),
        usage=usage,
        usage_source=usage_source,
        usage_requested=False,
        request_bytes=0,
        response_bytes=size,
        sent_bytes=size,
        request_capture=None,
        response_capture=response_name(exchange_id) if fetched else None,
        caller=follow_up.caller,
        trace_parent=follow_up.trace_parent,
        trace_state=follow_up.trace_state,
        attempts=1,
        content_mode=follow_up.content_mode,
        content_rule=follow_up.content_rule,
        create_exchange_id=follow_up.create_exchange_id,
    )


def _tail(response: FetchedResponse, operation: str) -> Tail:
    """The usage and the failure that the response reports. A long one is left to enrichment."""
    if not is_readable(response.headers) or len(response.body) > TAIL_BYTES:
        return _UNREAD
    return tail_of_json(response.body, spec_of(operation))


def _timings(response: FetchedResponse | None) -> Timings:
    if response is None:
        return NO_TIMINGS
    chunk_ms = response.to_end_ms if response.body else None
    return Timings(
        to_headers_ms=response.to_headers_ms,
        to_first_chunk_ms=chunk_ms,
        to_last_chunk_ms=chunk_ms,
        to_end_ms=response.to_end_ms,
    )
