"""The query strings of the API."""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.requests import Request

from view.filters import Filter, parse


def filter_of(request: Request) -> Filter:
    """The filter in `q`. Raises FilterError."""
    return parse(request.query_params.get("q", ""), now_ms=round(time.time() * 1000))


def number_of(request: Request, name: str, *, default: int, highest: int) -> int:
    """A whole number from 1 on, at most `highest`. Raises HTTPException."""
    value = request.query_params.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= 9 and int(value) >= 1):
        raise HTTPException(400, f"{name} must be a whole number from 1 on")
    return min(int(value), highest)
