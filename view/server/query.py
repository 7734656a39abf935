"""The query strings and bodies of the API."""

from __future__ import annotations

import time
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.core.wire.json.json_shape import JsonObject, parse
from view import filters
from view.filters import Filter

_LONGEST_BODY: Final = 1024 * 1024


def filter_of(request: Request) -> Filter:
    """The filter in `q`. Raises FilterError."""
    return filters.parse(request.query_params.get("q", ""), now_ms=round(time.time() * 1000))


def number_of(request: Request, name: str, *, default: int, highest: int) -> int:
    """A whole number from 1 on, at most `highest`. Raises HTTPException."""
    value = request.query_params.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= 9 and int(value) >= 1):
        raise HTTPException(400, f"{name} must be a whole number from 1 on")
    return min(int(value), highest)


async def body_of(request: Request) -> JsonObject:
    """The JSON object of the body. Raises HTTPException."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > _LONGEST_BODY:
            raise HTTPException(413, f"the body has more than {_LONGEST_BODY} bytes")
    body = parse(bytes(content))
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return body
