"""The routes of the charts' figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from view.server.query import filter_of, number_of
from view.server.services import services_of

_MINUTES: Final = 60
_MOST_MINUTES: Final = 60 * 24 * 31
_BUCKETS: Final = 90  # at most
# Seconds that people count by.
_BUCKET_SIZES_S: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400)


async def charts(request: Request) -> Response:
    """`{from_ms, to_ms, bucket_ms, ttft, tokens, outcomes, open_streams}` of the last `minutes`."""
    query = filter_of(request)
    minutes = number_of(request, "minutes", default=_MINUTES, highest=_MOST_MINUTES)
    to_ms = round(time.time() * 1000)
    bucket_ms = bucket_of(minutes * 60_000)
    from_ms = (to_ms - minutes * 60_000) // bucket_ms * bucket_ms
    figures = await asyncio.to_thread(
        services_of(request).store.figures, query, from_ms=from_ms, bucket_ms=bucket_ms
    )
    return JSONResponse(
        {
            "from_ms": from_ms,
            "to_ms": to_ms,
            "bucket_ms": bucket_ms,
            "ttft": {"points": figures.points, "bands": figures.bands},
            "tokens": figures.tokens,
            "outcomes": figures.outcomes,
            "open_streams": list(fill_gaps(figures.open_streams, from_ms, to_ms, bucket_ms)),
        }
    )


def bucket_of(range_ms: int) -> int:
    """The smallest size of buckets, in ms, of which the range has at most 90."""
    sizes = (size * 1000 for size in _BUCKET_SIZES_S)
    return next((size for size in sizes if range_ms <= size * _BUCKETS), _BUCKET_SIZES_S[-1] * 1000)


def fill_gaps(
    steps: Sequence[tuple[int, int]], from_ms: int, to_ms: int, bucket_ms: int
) -> Iterator[tuple[int, int]]:
    """A value for each bucket, where `steps` has one for each change."""
    changes, value = dict(steps), 0
    for start in range(from_ms, to_ms, bucket_ms):
        value = changes.get(start, value)
        yield start, value
