"""The events of captured exchanges, built again from their captures, as enrichment builds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from shared.core.event import builder
from shared.core.event.shape import to_json
from shared.core.records.exchange.capture import Capture, CaptureKind, capture_name
from shared.core.records.exchange.captured_exchange import CapturedExchange, captured_exchanges
from shared.core.records.exchange.envelope import Envelope, from_fields
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.window import windows_between
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.http.content_coding import ContentDecoder
from shared.core.wire.json.json_shape import Json, JsonObject, mapping, parse_object
from shared.errors import CaptureError, EnvelopeError
from view.errors import CaptureUnavailable
from view.exchange.evaluation import LeftOut
from view.sources.captures import CaptureSource


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedEvent:
    """An event that is not truncated, and what it does not have of its request."""

    event: JsonObject
    tools: Json  # the request's; None: it has none


async def exchanges_between(
    reader: CaptureSource, first: datetime, end: datetime
) -> AsyncIterator[CapturedExchange]:
    """The exchanges that started in [first, end), oldest first. Raises CaptureUnavailable."""
    for window in windows_between(first, end):
        names = [name async for name in reader.names(f"{window.name}/")]
        for exchange in captured_exchanges(names):
            if first <= started_at(exchange.exchange_id) < end:
                yield exchange


async def event_of(reader: CaptureSource, exchange: CapturedExchange) -> CapturedEvent | LeftOut:
    """The event of an exchange. Raises CaptureUnavailable if storage cannot be read."""
    if CaptureKind.RESPONSE not in exchange.kinds:
        return LeftOut.NO_ANSWER
    try:
        return await _read(reader, exchange)
    except (CaptureError, EnvelopeError):
        return LeftOut.UNREADABLE
    except CaptureUnavailable as error:
        if error.status != 404:
            raise
        return LeftOut.UNREADABLE


async def _read(reader: CaptureSource, exchange: CapturedExchange) -> CapturedEvent | LeftOut:
    response = await reader.whole(capture_name(exchange.exchange_id, CaptureKind.RESPONSE))
    envelope = await _envelope(reader, exchange, response)
    if envelope.content_mode is not ContentMode.FULL:
        return LeftOut.NOT_RECORDED
    if CaptureKind.REQUEST not in exchange.kinds:
        return LeftOut.UNREADABLE
    request = await reader.whole(capture_name(exchange.exchange_id, CaptureKind.REQUEST))
    event = builder.build(envelope, request, response, None)
    return CapturedEvent(event=mapping(to_json(event)), tools=_tools(request))


async def _envelope(
    reader: CaptureSource, exchange: CapturedExchange, response: Capture
) -> Envelope:
    """An outcome capture is right about how the exchange ended."""
    if CaptureKind.OUTCOME not in exchange.kinds:
        return from_fields(response.header.get("envelope"))
    outcome = await reader.whole(capture_name(exchange.exchange_id, CaptureKind.OUTCOME))
    return from_fields(outcome.header.get("envelope"))


def _tools(request: Capture) -> Json:
    decoder = ContentDecoder(request.headers.get("content-encoding", ""))
    return parse_object(b"".join(decoder.decode([request.body]))).get("tools")
