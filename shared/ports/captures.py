"""The captures of exchanges. Each method raises StorageError, and may be called again after it.

A capture is named by its exchange and its side: `2026/11/23/14/<id>.request`. A large one is
uploaded in numbered blocks, which become the capture by `commit`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from shared.core.records.exchange.capture import ReadableCapture
from shared.core.wire.json.json_shape import JsonObject


class CaptureReader(Protocol):
    """Reads captures."""

    async def get(self, name: str | None) -> ReadableCapture | None:
        """The capture; None if `name` is None or if there is none. The body of a large one (a
        CaptureStream) is read later, in pieces. Raises CaptureError if it cannot be read.
        """
        ...


class CaptureHeaders(Protocol):
    """Reads the headers of captures, and knows which captures are stored."""

    async def header(self, name: str) -> JsonObject:
        """A capture's header; its body is not read. Raises StorageNotFound if there is no such
        capture, and CaptureError if it cannot be read.
        """
        ...

    async def exists(self, name: str) -> bool:
        """Whether there is a capture of that name. Uploaded blocks alone are not one."""
        ...


class CaptureListing(CaptureHeaders, Protocol):
    """Lists captures, and reads their headers."""

    def pages(self, prefix: str) -> AsyncIterator[list[str]]:
        """The names with that prefix, in their order, in pages of any size."""
        ...

    async def page(
        self, prefix: str, marker: str | None, count: int
    ) -> tuple[list[str], str | None]:
        """At most `count` names with that prefix, and the next page's marker; None after the last.

        `marker` is None for the first page.
        """
        ...


class CaptureSink(Protocol):
    """Stores captures."""

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        """Store a capture in place of an earlier one, and discard uploaded blocks of that name.
        `parts` are joined.
        """
        ...

    async def put_if_absent(self, name: str, data: bytes) -> None:
        """Store a capture, and discard uploaded blocks of that name; nothing if it exists."""
        ...


class CaptureErasure(Protocol):
    """Deletes captures."""

    async def erase(self, name: str) -> bool:
        """Delete a capture and its uploaded blocks; False if there is neither. Raises
        StorageImmutable if a policy or a legal hold keeps it.
        """
        ...


class ErasableCaptures(CaptureErasure, Protocol):
    """Deletes captures, and knows whether there is something to delete."""

    async def is_stored(self, name: str) -> bool:
        """Whether there is a capture of that name, or an uploaded block of one."""
        ...


class DeliveredCaptures(CaptureSink, CaptureErasure, Protocol):
    """The captures of exchanges whose event is delivered."""

    async def erase_body(self, name: str) -> None:
        """Replace a capture by its header, with a mark; nothing if there is none, or if it has the
        mark. Raises CaptureError if the header cannot be read.
        """
        ...


class CaptureBlocks(CaptureErasure, Protocol):
    """Uploads captures in blocks, or gives them up."""

    async def stage(self, name: str, block: int, data: bytes) -> None:
        """Upload a block under that number, in place of an earlier one."""
        ...

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        """Make the capture of these blocks, in this order, and discard all others."""
        ...


class CutUploads(CaptureHeaders, CaptureBlocks, Protocol):
    """Completes or deletes uploads that were cut off."""

    async def staged_blocks(self, name: str) -> frozenset[int]:
        """The numbers of the uploaded blocks that are not part of the capture; none if there are
        none.
        """
        ...


class CaptureUploads(CaptureSink, CaptureBlocks, Protocol):
    """Stores captures while their bytes arrive."""

    async def begins_with(self, name: str, data: bytes) -> bool:
        """Whether there is a capture of that name with this beginning."""
        ...
