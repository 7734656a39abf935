"""The memories of a worker for bodies: of requests on their way upstream, and of captures that wait
for their store.

A request's body can be in both at once. It is copied, not shared: one copy is needed until the
upstream has answered, the other until it is stored, and each memory has its own limit. If storage
is slow, and captures wait, no client must pay for it. Copying 1 MB takes 12 us.
"""

from __future__ import annotations

from typing import Final

from shared.errors import RequestMemoryFull

# So much of each body is always held: large bodies must not keep small ones out.
FREE_BYTES: Final = 256 * 1024


class BodyMemory:
    """The bytes of all request bodies that a worker holds for the upstream, and their limit."""

    def __init__(self, limit_bytes: int, *, free_bytes: int = FREE_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.free_bytes = free_bytes
        self.used_bytes = 0

    def lease(self) -> BodyLease:
        """The lease of an exchange, which holds nothing yet."""
        return BodyLease(self)


class BodyLease:
    """The bytes that one exchange holds."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._held_bytes = 0

    def take(self, count: int) -> None:
        """Hold so many more. Raises RequestMemoryFull if the limit is passed.

        It is not raised to an exchange that holds little, nor if nobody else holds anything: a
        body that is larger than the limit is relayed too, one at a time.
        """
        memory = self._memory
        own_bytes, others = self._held_bytes + count, memory.used_bytes - self._held_bytes
        if own_bytes > memory.free_bytes and others > 0 and others + own_bytes > memory.limit_bytes:
            raise RequestMemoryFull
        self._held_bytes = own_bytes
        memory.used_bytes += count

    def release(self) -> None:
        """Hold nothing any more."""
        self._memory.used_bytes -= self._held_bytes
        self._held_bytes = 0


class CaptureMemory:
    """The bytes of all captures that a worker holds until they are stored, and their limit.
    `CaptureWriter.write` takes bytes, within the limit.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    @property
    def is_short(self) -> bool:
        """Whether captures should hold less than they may."""
        return self.used_bytes * 2 > self.limit_bytes

    def release(self, count: int) -> None:
        """Give bytes back."""
        self.used_bytes -= count
