"""The envelope of an exchange that is delivered again, rebuilt from its captures."""

from __future__ import annotations

from typing import Any, Final

from shared.completeness.ports import CaptureHeaders
from shared.core.records.capture import request_name, response_name
from shared.core.records.comparison import CapturedExchange
from shared.core.records.envelope import Caller, Envelope, Failure, Timings, from_fields
from shared.core.records.outcome import Outcome
from shared.errors import CaptureError

MAX_CONCURRENT: Final = 16  # reads of headers, and puts of envelopes


async def rebuild_envelope(captures: CaptureHeaders, exchange: CapturedExchange) -> Envelope:
    """The envelope that the response capture holds; without one, that of an aborted exchange.

    Raises CaptureError, EnvelopeError, StorageNotFound or StorageError.
    """
    if exchange.answered:
        header = await captures.header(response_name(exchange.exchange_id))
        return from_fields(header.get("envelope"))
    header = await captures.header(request_name(exchange.exchange_id))
    return aborted_envelope(exchange.exchange_id, header)


def aborted_envelope(exchange_id: str, request_header: dict[str, Any]) -> Envelope:
    """The envelope of an exchange whose instance was killed before the end of the exchange.

    Raises CaptureError where the header lacks what an envelope needs.
    """
    try:
        return Envelope(
            exchange_id=exchange_id,
            operation=str(request_header["operation"]),
            deployment=request_header["deployment"],
            api_version=request_header["api_version"],
            stream=None,
            started_at=str(request_header["started_at"]),
            status_code=None,
            upstream_status_code=None,
            outcome=Outcome.ABORTED,
            failure=Failure(
                code="aborted",
                message="The instance that relayed this exchange was killed before its end.",
            ),
            timings=Timings(
                to_headers_ms=None, to_first_chunk_ms=None, to_last_chunk_ms=None, to_end_ms=0.0
            ),
            arrivals=(),
            chunk_count=0,
            usage=None,
            usage_source="none",
            usage_requested=False,
            request_bytes=int(request_header.get("request_bytes", 0)),
            response_bytes=0,
            sent_bytes=0,
            request_capture=request_name(exchange_id),
            response_capture=None,
            caller=Caller(**request_header["caller"]),
            trace_parent=None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CaptureError(f"the request capture's header lacks {type(error).__name__}") from None
