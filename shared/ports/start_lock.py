"""A lock over all instances."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class StartLock(Protocol):
    """Lets one starter in at a time, over all instances."""

    def hold(self) -> AbstractAsyncContextManager[bool]:
        """A context whose value says whether this caller holds the lock.

        Raises StorageError, also if the body takes longer than the lock can be held. The body is
        then cancelled. What it started may still be carried out, and the next holder must see it.
        """
        ...
