"""The marks of erased exchanges. Each method raises StorageError."""

from __future__ import annotations

from typing import Protocol


class ErasedExchanges(Protocol):
    """Knows which exchanges are erased."""

    async def is_erased(self, exchange_id: str) -> bool:
        """Whether the exchange is marked: an operator erased it, or its erasure is under way."""
        ...


class ErasureMarkStore(Protocol):
    """Stores, removes and lists marks."""

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        """Mark an exchange as erased by a run; None: by a call of its own. A marked exchange is
        neither missing nor delivered any more.
        """
        ...

    async def unmark_erased(self, exchange_id: str) -> None:
        """Remove the mark of an exchange that could not be erased."""
        ...

    async def erased(self, window: str) -> set[str]:
        """The marked exchanges of a window."""
        ...
