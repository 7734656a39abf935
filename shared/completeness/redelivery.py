"""The envelope of an exchange that is delivered again, rebuilt from its captures."""

from __future__ import annotations

from typing import Final

from shared.completeness.ports import CaptureHeaders
from shared.core.records.aborted import aborted_envelope
from shared.core.records.capture import request_name, response_name
from shared.core.records.comparison import CapturedExchange
from shared.core.records.envelope import Envelope, from_fields

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
