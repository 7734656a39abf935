"""The captures of an hour in memory, in place of the blobs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import CaptureKind, capture_name
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.window import Window
from shared.errors import StorageError, StorageNotFound

BODIES: Final = (CaptureKind.REQUEST, CaptureKind.RESPONSE)


def sample_ids(window: str, count: int) -> list[str]:
    """Ids of exchanges that started in the window, in their order."""
    start_ms = int(Window.from_name(window).start.timestamp() * 1000)
    return [new_exchange_id(start_ms + number, bytes(10)) for number in range(count)]


class CapturedHour:
    """Headers by the names of captures; lists the names in pages of `page_size`."""

    def __init__(self, page_size: int) -> None:
        self._page_size = page_size
        self._headers: dict[str, dict[str, Any]] = {}
        self._listed_count = 0
        self.reads: Counter[str] = Counter()  # by name, how often a header was read
        self.most_listed_ahead = 0  # names that were listed before their headers were read
        self._reading_count = 0
        self.most_reading = 0  # headers that were read at once
        self.immutable: set[str] = set()  # captures that storage neither replaces nor erases

    def add(
        self,
        exchange_id: str,
        retention_days: int | None = None,
        kinds: Sequence[CaptureKind] = BODIES,
    ) -> None:
        """Add the captures of an exchange."""
        for kind in kinds:
            self._headers[capture_name(exchange_id, kind)] = {"retention_days": retention_days}

    @property
    def expired_names(self) -> list[str]:
        """The names of the captures whose header says that they expired."""
        return [name for name, header in self._headers.items() if capture.is_expired(header)]

    async def pages(self, prefix: str) -> AsyncIterator[list[str]]:
        page: list[str] = []
        for name in self._headers:
            if name.startswith(prefix):
                page.append(name)
            if len(page) == self._page_size:
                self._listed_count += len(page)
                yield page
                page = []
        self._listed_count += len(page)
        yield page

    async def page(
        self, prefix: str, marker: str | None, count: int
    ) -> tuple[list[str], str | None]:
        start = int(marker or 0)
        names = [name for name in self._headers if name.startswith(prefix)]
        end = start + count
        return names[start:end], str(end) if end < len(names) else None

    async def exists(self, name: str) -> bool:
        return name in self._headers

    async def header(self, name: str) -> dict[str, Any]:
        self.most_listed_ahead = max(
            self.most_listed_ahead, self._listed_count - self.reads.total()
        )
        self.reads[name] += 1
        self._reading_count += 1
        self.most_reading = max(self.most_reading, self._reading_count)
        await asyncio.sleep(0)
        self._reading_count -= 1
        try:
            return self._headers[name]
        except KeyError:
            raise StorageNotFound("no such capture", status=404) from None

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        self._check_mutable(name)
        self._headers[name] = capture.load_header(b"".join(parts))

    async def put_if_absent(self, name: str, data: bytes) -> None:
        if name not in self._headers:
            await self.put(name, [data])

    async def erase(self, name: str) -> bool:
        self._check_mutable(name)
        return self._headers.pop(name, None) is not None

    def _check_mutable(self, name: str) -> None:
        if name in self.immutable:
            raise StorageError("storage refused: 409 BlobImmutableDueToPolicy", status=409)
