"""The envelope of an exchange whose instance was killed: made from its request capture alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.core.records.capture import request_name
from shared.core.records.envelope import Caller, Envelope, Failure, Timings
from shared.core.records.outcome import Outcome
from shared.errors import CaptureError


def aborted_envelope(exchange_id: str, request_header: Mapping[str, Any]) -> Envelope:
    """The envelope, with outcome `aborted` and without anything of a response.

    `request_header` is the request capture's. Raises CaptureError where it lacks what an envelope
    needs.
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
        raise CaptureError(
            f"the request capture's header is incomplete: {type(error).__name__}"
        ) from None
