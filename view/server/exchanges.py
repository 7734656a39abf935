"""Tables of exchanges, and single ones."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from view.exchange.conversation import conversation
from view.server.query import filter_of, number_of
from view.server.services import services_of

_ROWS: Final = 100
_MOST_ROWS: Final = 1_000


async def listing(request: Request) -> Response:
    """`{rows, total, next}`, newest first."""
    store, query = services_of(request).store, filter_of(request)
    limit = number_of(request, "limit", default=_ROWS, highest=_MOST_ROWS)
    try:
        page = await asyncio.to_thread(
            store.page, query, before=request.query_params.get("before"), limit=limit
        )
    except ValueError:
        raise HTTPException(400, "before must be the `next` of a page") from None
    return JSONResponse(
        {
            "rows": [row.to_json() for row in page.rows],
            "total": await asyncio.to_thread(store.count, query),
            "next": page.next,
        }
    )


async def single(request: Request) -> Response:
    """`{row, event, conversation}`; 404 if the view does not have it."""
    store, exchange_id = services_of(request).store, request.path_params["exchange_id"]
    found = await asyncio.to_thread(store.get, exchange_id)
    if found is None:
        raise HTTPException(404, "the view has no event of this exchange")
    return JSONResponse(
        {
            "row": found.row.to_json(),
            "event": found.event,
            "conversation": [message.to_json() for message in conversation(found.event)],
        }
    )
