"""The request bodies of a worker share a limited memory."""

from __future__ import annotations

import pytest

from shared.errors import RequestMemoryFull
from shared.relay.body_memory import BodyMemory


def test_bodies_share_their_memory() -> None:
    """A large one that does not fit is rejected, small ones never are."""
    memory = BodyMemory(1000, free_bytes=100)
    first, second, small = memory.lease(), memory.lease(), memory.lease()
    first.take(800)
    second.take(200)
    with pytest.raises(RequestMemoryFull):
        second.take(1)
    small.take(100)
    assert memory.used_bytes == 1100
    first.release()
    second.take(600)
    for lease in (first, second, small):
        lease.release()
    assert memory.used_bytes == 0


def test_a_body_larger_than_the_memory() -> None:
    """It is held if nobody else holds anything. Otherwise it could never be relayed."""
    memory = BodyMemory(1000, free_bytes=100)
    first, second = memory.lease(), memory.lease()
    first.take(5000)
    with pytest.raises(RequestMemoryFull):
        second.take(101)
    first.release()
    second.take(5000)
    assert memory.used_bytes == 5000
