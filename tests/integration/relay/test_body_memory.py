"""The request bodies that a worker holds are bounded, all exchanges together."""

from __future__ import annotations

import asyncio
import json

import pytest

from shared.core.records.exchange.outcome import Outcome
from tests.integration.support.exchanges import (
    DEADLINE_S,
    RelayClient,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio

LARGE = json.dumps({"messages": [{"role": "user", "content": "x" * 600_000}]}).encode()
FEW_BYTES = 1_000_000  # one large body fits, two do not


async def test_a_large_body_beyond_the_memory() -> None:
    """It is rejected with a Retry-After while the upstream has another one. A small body is
    relayed.
    """
    answering = asyncio.Event()
    setup = relay_setup(answering, document(b"{}"), document(b"{}"), request_memory_bytes=FEW_BYTES)
    first = RelayClient(setup.relay, LARGE)
    running = first.start()
    async with asyncio.timeout(DEADLINE_S):
        await setup.upstream.called.wait()
    second = RelayClient(setup.relay, LARGE)
    await second.run()
    assert (second.status, second.headers["retry-after"]) == (503, "2")
    assert json.loads(second.body)["error"]["code"] == "request_memory_full"
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    await RelayClient(setup.relay, b"{}").run()
    await setup.wait_until_recorded()
    outcomes = [envelope.outcome for envelope in setup.envelopes.queued]
    assert sorted(outcomes) == [Outcome.COMPLETED, Outcome.COMPLETED, Outcome.REJECTED]
    assert setup.relay.body_memory.used_bytes == 0


async def test_a_body_is_freed_when_its_response_begins() -> None:
    """The response may take minutes, and nothing is sent again once it has begun."""
    ending = asyncio.Event()
    first_chunk = event_of(
        choices=[{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]
    )
    setup = relay_setup(sse(first_chunk, ending, b"data: [DONE]\n\n"))
    client = RelayClient(setup.relay, LARGE)
    running = client.start()
    await client.until_body(first_chunk)
    assert setup.relay.body_memory.used_bytes == 0
    ending.set()
    await asyncio.wait_for(running, DEADLINE_S)
    await setup.wait_until_recorded()


async def test_a_disconnect_gives_memory_back() -> None:
    """The client disconnects within the request's body."""
    setup = relay_setup()
    client = RelayClient(setup.relay, LARGE)
    client.body_is_whole = False
    running = client.start()
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    await setup.wait_until_recorded()
    assert setup.relay.body_memory.used_bytes == 0
