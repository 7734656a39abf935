"""A client that disconnects ends its exchange, whatever the exchange does at that moment."""

from __future__ import annotations

import asyncio

import pytest

from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.samples import ASK, DONE, FILTER, STOP, TEXT, USAGE, USAGE_CHUNK
from tests.integration.support.exchanges import (
    DEADLINE_S,
    RelayClient,
    ScriptedBody,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio


async def test_a_disconnect_cancels_the_call() -> None:
    """The response has not begun, and the upstream must not work for nobody."""
    setup = relay_setup(asyncio.Event())
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    async with asyncio.timeout(DEADLINE_S):
        await setup.upstream.called.wait()
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert setup.upstream.cancelled, "the upstream must not work for nobody"
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.CLIENT_DISCONNECTED, None)
    assert envelope.request_capture is not None
    assert envelope.response_capture is None
    assert not client.messages


async def test_a_disconnect_closes_the_response() -> None:
    """The part of the stream that had come is captured and counted."""
    response = sse(FILTER, TEXT, asyncio.Event())
    setup = relay_setup(response)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(FILTER + TEXT)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert isinstance(response.stream, ScriptedBody)
    assert response.stream.closed
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.stream) == (
        Outcome.CLIENT_DISCONNECTED,
        200,
        True,
    )
    assert (envelope.response_bytes, envelope.chunk_count) == (len(FILTER + TEXT), 2)
    assert [blob.body for blob in setup.store.captures(".response")] == [FILTER + TEXT]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("before", [b"", b'{"error": '])
async def test_disconnect_from_an_upstreams_error(status: int, before: bytes) -> None:
    """Several SDKs disconnect at the headers of a response that they try again."""
    parts = (before,) if before else ()
    setup = relay_setup(sse(*parts, asyncio.Event(), status=status))
    client = RelayClient(setup.relay, b"{}")
    running = client.start()
    async with asyncio.timeout(DEADLINE_S):
        while client.status != status or client.body != before:
            client.received.clear()
            await client.received.wait()
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    envelope = await setup.envelope()
    assert envelope.outcome is Outcome.UPSTREAM_ERROR
    assert (envelope.status_code, envelope.upstream_status_code) == (status, status)


async def test_disconnect_after_the_last_frame() -> None:
    """Many clients close there instead of reading to the end of the body. The outcome is
    completed.
    """
    setup = relay_setup(sse(TEXT, STOP, USAGE_CHUNK, DONE, asyncio.Event()))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT + STOP + USAGE_CHUNK + DONE)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.usage, envelope.usage_source) == (
        Outcome.COMPLETED,
        USAGE,
        "upstream",
    )


async def test_disconnect_within_the_request() -> None:
    """Nothing of the request goes upstream."""
    setup = relay_setup()
    client = RelayClient(setup.relay, ASK[:10], headers={"content-length": "1000"})
    client.body_is_whole = False
    client.disconnect()
    await client.run()
    assert not setup.upstream.requests
    assert not client.messages
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_a_cancelled_exchange_is_recorded() -> None:
    """The server cancels it when the client has disconnected."""
    setup = relay_setup(sse(TEXT, asyncio.Event()))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED
    assert [blob.body for blob in setup.store.captures(".response")] == [TEXT]
