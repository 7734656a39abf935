"""The rows of a data set: one for each captured exchange that is selected."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TextIO

from local.export.progress import ExportProgress
from shared.core.conversation import searched_text
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.wire.json.json_shape import JsonObject
from view.exchange.evaluation import LeftOut, Shape, row_of
from view.exchange.received_event import ReceivedEvent
from view.exchange.row import of_event
from view.filters import Filter, matches
from view.sources.captured_events import event_of, exchanges_between
from view.sources.captures import CaptureSource

_CONCURRENT_READS: Final = 8  # a capture may have 100 MB


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSelection:
    """Which exchanges become rows, and of which shape."""

    first: datetime
    end: datetime
    query: Filter
    shape: Shape
    limit: int | None = None  # the most rows


async def export(
    reader: CaptureSource, selection: ExportSelection, out: TextIO, progress: ExportProgress
) -> None:
    """Write the rows, in the order in which the exchanges started. Raises CaptureUnavailable."""
    async for group in _groups(exchanges_between(reader, selection.first, selection.end)):
        for exchange, result in zip(group, await _rows(reader, group, selection), strict=True):
            if progress.rows == selection.limit:
                return
            if not isinstance(result, LeftOut):
                # in ASCII: a text may hold U+2028, at which some readers end a line
                print(json.dumps(result), file=out)
            progress.read(exchange, result)


async def _groups(
    exchanges: AsyncIterator[CapturedExchange],
) -> AsyncIterator[list[CapturedExchange]]:
    group: list[CapturedExchange] = []
    async for exchange in exchanges:
        group.append(exchange)
        if len(group) == _CONCURRENT_READS:
            yield group
            group = []
    if group:
        yield group


async def _rows(
    reader: CaptureSource, group: Sequence[CapturedExchange], selection: ExportSelection
) -> list[JsonObject | LeftOut]:
    return await asyncio.gather(*(_row(reader, exchange, selection) for exchange in group))


async def _row(
    reader: CaptureSource, exchange: CapturedExchange, selection: ExportSelection
) -> JsonObject | LeftOut:
    captured = await event_of(reader, exchange)
    if isinstance(captured, LeftOut):
        return captured
    event = captured.event
    row = of_event(ReceivedEvent(event=event, enqueued_ms=None))
    if row is None or not matches(selection.query, row, lambda: searched_text(event)):
        return LeftOut.NO_MATCH
    return row_of(event, selection.shape, captured.tools)
