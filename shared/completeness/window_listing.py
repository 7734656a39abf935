"""Lists the captured exchanges of a window without holding up the event loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Final

from shared.core.records.exchange.captured_exchange import CapturedExchange, CaptureGrouping
from shared.ports.captures import CaptureListing

_NAMES_PER_STEP: Final = 200  # between two pauses: about a millisecond


async def list_exchanges(
    captures: CaptureListing, window: str
) -> AsyncIterator[list[CapturedExchange]]:
    """The exchanges of a window in the order of their ids, those of up to 200 names at a time.
    Other tasks run between two lists. Raises StorageError.
    """
    grouping = CaptureGrouping()
    async for page in captures.pages(f"{window}/"):
        for names in itertools.batched(page, _NAMES_PER_STEP, strict=False):
            yield list(grouping.feed(names))
            await asyncio.sleep(0)  # this worker may relay streams as well
    yield list(grouping.flush())
