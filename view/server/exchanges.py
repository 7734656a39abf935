"""Tables of exchanges, and single ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.core.conversation import conversation
from shared.core.records.exchange.capture import CaptureKind
from shared.core.wire.json.json_shape import JsonObject, integer, text
from view.errors import CaptureUnavailable
from view.exchange import capture_view, curl
from view.exchange.price import price_of
from view.exchange.row import Row
from view.exchange.timeline import timeline
from view.exchange.trace import trace_id
from view.exchange.usage import figures
from view.options import TRACE_ID
from view.server.closing_response import ClosingResponse
from view.server.query import filter_of, number_of
from view.server.services import Services, services_of
from view.sources.captures import CaptureBeginning, CaptureSource
from view.store import MOST_COUNTED, StoreEntry

_ROWS: Final = 100
_MOST_ROWS: Final = 1_000
# The times of chunks are in a capture. An exchange is shown without them if storage is slow.
_TIMES_WITHIN_S: Final = 2.0
_CAPTURE_KEYS: Final = {
    CaptureKind.REQUEST: ("request_capture", "request_bytes"),
    CaptureKind.RESPONSE: ("response_capture", "response_bytes"),
}


async def list_exchanges(request: Request) -> Response:
    """`{rows, total, more, next}`, newest first. `more`: there are more than `total`."""
    store, query = services_of(request).store, filter_of(request)
    limit = number_of(request, "limit", default=_ROWS, highest=_MOST_ROWS)
    before = request.query_params.get("before")
    try:
        page, total = await asyncio.gather(
            asyncio.to_thread(store.page, query, before=before, limit=limit),
            asyncio.to_thread(store.count, query),
        )
    except ValueError:
        raise HTTPException(400, "before must be the `next` of a page") from None
    return JSONResponse(
        {
            "rows": [row.to_json() for row in page.rows],
            "total": total,
            "more": bool(query) and total == MOST_COUNTED,
            "next": page.next,
        }
    )


async def read_exchange(request: Request) -> Response:
    """All that is shown of one exchange, but its capture; 404 if the view does not have it."""
    services = services_of(request)
    entry = await _entry_of(request)
    stored = await _times(services.captures, entry.event)
    neighbours = await asyncio.to_thread(services.store.neighbours, entry.row)
    return JSONResponse({**_details(services, entry, stored), **neighbours})


def _details(services: Services, entry: StoreEntry, stored: CaptureBeginning | None) -> JsonObject:
    event, card, template = entry.event, services.card, services.options.trace_url
    return {
        "row": entry.row.to_json(),
        "event": event,
        "conversation": [message.to_json() for message in conversation(event)],
        "timeline": timeline(
            event,
            header=stored.capture.header if stored else None,
            recorded_at=stored.stored_at if stored else None,
            delivered_at=_delivered_at(entry.row),
        ),
        "trace_url": template and template.replace(TRACE_ID, trace_id(event)),
        "usage": [figure.to_json() for figure in figures(event)],
        "cost": price_of(event, card).to_json() if card else None,
        "curl": curl.of_event(event, services.app.url if services.app else None),
    }


def _delivered_at(row: Row) -> datetime | None:
    if row.lag_ms is None:
        return None
    return datetime.fromtimestamp(row.exact_end_ms / 1000, UTC) + timedelta(milliseconds=row.lag_ms)


async def _times(captures: CaptureSource | None, event: JsonObject) -> CaptureBeginning | None:
    name = text(event.get("response_capture"))
    if captures is None or not name:
        return None
    try:
        async with asyncio.timeout(_TIMES_WITHIN_S):
            return await captures.beginning(name)
    except (CaptureUnavailable, TimeoutError):
        return None


async def read_capture(request: Request) -> Response:
    """`{request, response, curl}`: what was captured of both; null what was not stored."""
    services = services_of(request)
    entry = await _entry_of(request)
    sides = {}
    for kind in _CAPTURE_KEYS:
        sides[kind] = await _side(_captures(services), entry.event, kind)
    if not any(sides.values()):
        raise HTTPException(404, "nothing of this exchange was captured")
    of_request, of_response = sides[CaptureKind.REQUEST], sides[CaptureKind.RESPONSE]
    sizes = {kind: integer(entry.event.get(key)) or 0 for kind, (_, key) in _CAPTURE_KEYS.items()}
    return JSONResponse(
        {
            "request": of_request
            and capture_view.request_view(of_request.capture, size=sizes[CaptureKind.REQUEST]),
            "response": of_response
            and capture_view.response_view(of_response.capture, size=sizes[CaptureKind.RESPONSE]),
            "curl": of_request and _curl(services, entry.event, of_request, sizes),
        }
    )


def _curl(
    services: Services, event: JsonObject, stored: CaptureBeginning, sizes: dict[CaptureKind, int]
) -> str | None:
    body = stored.capture.body
    if len(body) != sizes[CaptureKind.REQUEST] or "content-encoding" in stored.capture.headers:
        return None
    return curl.of_capture(event, services.app.url if services.app else None, body)


async def read_body(request: Request) -> Response:
    """A captured body, byte for byte, to be saved as a file."""
    services, kind = services_of(request), request.path_params["kind"]
    if kind not in _CAPTURE_KEYS:
        raise HTTPException(404, f"{kind} is neither request nor response")
    entry = await _entry_of(request)
    name = text(entry.event.get(_CAPTURE_KEYS[CaptureKind(kind)][0]))
    if not name:
        raise HTTPException(404, f"no {kind} of this exchange was captured")
    pieces = _captures(services).body(name)
    first = await anext(pieces, b"")  # so that an error is answered as one

    async def content() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return ClosingResponse(
        content(),
        pieces.aclose,
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{entry.row.id}.{kind}"'},
    )


async def _side(
    captures: CaptureSource, event: JsonObject, kind: CaptureKind
) -> CaptureBeginning | None:
    name = text(event.get(_CAPTURE_KEYS[kind][0]))
    return await captures.beginning(name, capture_view.READ_BYTES) if name else None


def _captures(services: Services) -> CaptureSource:
    if services.captures is None:
        raise HTTPException(
            409, "captures are not shown: set CAPTURES_STORAGE__blobServiceUri, or CAPTURES_STORAGE"
        )
    return services.captures


async def _entry_of(request: Request) -> StoreEntry:
    store, exchange_id = services_of(request).store, request.path_params["exchange_id"]
    entry = await asyncio.to_thread(store.get, exchange_id)
    if entry is None:
        raise HTTPException(404, "the view has no event of this exchange")
    return entry
