"""The request bodies that a worker holds are bounded, all exchanges together."""

from __future__ import annotations

import asyncio
import json

import pytest

from shared.core.records.outcome import Outcome
from tests.integration.exchanges import DEADLINE_S, RelayClient, a_world, document, event_of, sse

pytestmark = pytest.mark.anyio

LARGE = json.dumps({"messages": [{"role": "user", "content": "x" * 600_000}]}).encode()
FEW_BYTES = 1_000_000  # one large body fits, two do not


async def test_a_large_body_beyond_the_memory_is_refused_with_a_retry_after() -> None:
    """While the upstream has another one; a small body is relayed."""
    answering = asyncio.Event()
    world = a_world(answering, document(b"{}"), document(b"{}"), request_memory_bytes=FEW_BYTES)
    first = RelayClient(world.relay, LARGE)
    running = first.start()
    async with asyncio.timeout(DEADLINE_S):
        await world.upstream.called.wait()
    second = RelayClient(world.relay, LARGE)
    await second.run()
    assert (second.status, second.headers["retry-after"]) == (503, "2")
    assert json.loads(second.body)["error"]["code"] == "request_memory_full"
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    await RelayClient(world.relay, b"{}").run()
    await world.recorded()
    outcomes = [envelope.outcome for envelope in world.envelopes.put_ones]
    assert sorted(outcomes) == [Outcome.COMPLETED, Outcome.COMPLETED, Outcome.REJECTED]
    assert world.relay.body_memory.used_bytes == 0


async def test_a_body_is_not_held_while_its_answer_streams() -> None:
    """The answer may take minutes, and nothing is sent again once it has begun."""
    ending = asyncio.Event()
    first_chunk = event_of(
        choices=[{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]
    )
    world = a_world(sse(first_chunk, ending, b"data: [DONE]\n\n"))
    client = RelayClient(world.relay, LARGE)
    running = client.start()
    await client.until_body(first_chunk)
    assert world.relay.body_memory.used_bytes == 0
    ending.set()
    await asyncio.wait_for(running, DEADLINE_S)
    await world.recorded()


async def test_a_client_that_disconnects_within_its_body_gives_it_back() -> None:
    world = a_world()
    client = RelayClient(world.relay, LARGE)
    client.body_is_whole = False
    running = client.start()
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    await world.recorded()
    assert world.relay.body_memory.used_bytes == 0
