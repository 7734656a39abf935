"""The views of storage that several use cases of this package share. Each method raises
StorageError.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from shared.core.decisions.comparison import LedgerIndex
from shared.core.records.exchange.digests import Digests
from shared.core.wire.json.json_shape import JsonObject


class CaptureHeaders(Protocol):
    """Reads the headers of captures."""

    async def header(self, name: str) -> JsonObject:
        """A capture's header. Raises StorageNotFound if there is no such capture, and
        CaptureError if it cannot be read.
        """
        ...


class CaptureNames(Protocol):
    """Knows which captures are stored."""

    async def exists(self, name: str) -> bool:
        """Whether there is a capture of that name."""
        ...


class CapturePages(CaptureHeaders, CaptureNames, Protocol):
    """The captures of a window, page by page."""

    async def page(
        self, prefix: str, marker: str | None, count: int
    ) -> tuple[list[str], str | None]:
        """At most `count` names with that prefix, and the next page's marker; None after the last.

        `marker` is None for the first page.
        """
        ...


class DeliveryDigests(Protocol):
    """The ledger of deliveries."""

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        """By exchange: the digests of the captures that its first event was made of."""
        ...


class WindowLedger(Protocol):
    """The ledger of deliveries, by window."""

    async def index(self, window: str) -> LedgerIndex:
        """The exchanges of a window that the ledger knows."""
        ...
