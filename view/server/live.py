"""New rows as they arrive, as server-sent events, and every other second the state of the view."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.core.conversation import searched_text
from shared.core.wire.json.json_shape import JsonObject
from view.filters import matches
from view.filters.terms import Filter
from view.store import StoreEntry

STATUS_EVERY_S: Final = 2.0
# Rows that wait for a page that does not read. Beyond that, the page loads the table again.
_WAITING_ROWS: Final = 5_000


@dataclass(eq=False)
class _LivePage:
    """A page that follows: the rows that wait for it."""

    query: Filter
    rows: list[JsonObject] = field(default_factory=list)
    is_overrun: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """Hands new exchanges to all pages that follow."""

    def __init__(self, status: Callable[[], JsonObject]) -> None:
        """`status`: the state of the view, as the page shows it."""
        self._status = status
        self._pages: set[_LivePage] = set()
        self._is_closed = False

    def publish(self, exchanges: Sequence[StoreEntry]) -> None:
        """Hand over exchanges that were added to the store."""
        for page in self._pages:
            for exchange in exchanges:
                _offer(page, exchange)

    def close(self) -> None:
        """End the streams of all pages."""
        self._is_closed = True
        for page in self._pages:
            page.changed.set()

    async def stream(self, query: Filter) -> AsyncGenerator[bytes]:
        """`row` for each new exchange that matches, `status` at once and every 2 s, and `reload` in
        place of rows that the page did not take in time.
        """
        page = _LivePage(query=query)
        self._pages.add(page)
        try:
            yield _sse("status", self._status())
            while not self._is_closed:
                has_rows = await _changes_within(page.changed, STATUS_EVERY_S)
                for name, data in _take_events(page) if has_rows else [("status", self._status())]:
                    yield _sse(name, data)
        finally:
            self._pages.discard(page)


def _offer(page: _LivePage, exchange: StoreEntry) -> None:
    if not matches(page.query, exchange.row, lambda: searched_text(exchange.event)):
        return
    if len(page.rows) >= _WAITING_ROWS:
        page.is_overrun = True
    else:
        page.rows.append(exchange.row.to_json())
    page.changed.set()


def _take_events(page: _LivePage) -> list[tuple[str, JsonObject]]:
    rows, page.rows = page.rows, []
    is_overrun, page.is_overrun = page.is_overrun, False
    page.changed.clear()
    return [("reload", {})] if is_overrun else [("row", row) for row in rows]


async def _changes_within(changed: asyncio.Event, seconds: float) -> bool:
    """Whether `changed` is set in time."""
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def _sse(name: str, data: JsonObject) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
