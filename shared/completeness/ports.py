"""What several use cases of this package need of storage. Each method raises StorageError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from shared.core.records.exchange.envelope import Envelope


class CaptureHeaders(Protocol):
    """Reads the headers of captures."""

    async def header(self, name: str) -> dict[str, Any]:
        """A capture's header. Raises StorageNotFound if there is no such capture, and
        CaptureError if it cannot be read.
        """
        ...


class EnvelopeSink(Protocol):
    """The queue that triggers enrichment."""

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope."""
        ...


class CheckpointStore(Protocol):
    """Keeps checkpoints: one small JSON object for each name."""

    async def get(self, name: str) -> dict[str, Any] | None:
        """The stored object; None if there is none."""
        ...

    async def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Store the object, in place of an earlier one."""
        ...


class MeasuredQueue(Protocol):
    """A queue of envelopes."""

    async def approximate_length(self) -> int:
        """Messages that wait or are worked on."""
        ...
