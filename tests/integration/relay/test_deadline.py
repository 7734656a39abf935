"""An exchange ends at EXCHANGE_TIMEOUT_S, in whatever state it is."""

from __future__ import annotations

import asyncio
import json

import pytest

from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.samples import ASK, TEXT
from tests.integration.support.exchanges import RelayClient, ScriptedBody, relay_setup, sse

pytestmark = pytest.mark.anyio


async def test_the_limit_ends_a_call() -> None:
    """The client gets a 504 that names the setting, and the call is cancelled."""
    setup = relay_setup(asyncio.Event(), exchange_s=0.1)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (504, True)
    assert "EXCHANGE_TIMEOUT_S" in json.loads(client.body)["error"]["message"]
    assert setup.upstream.cancelled
    assert (await setup.envelope()).outcome is Outcome.TIMED_OUT


async def test_the_limit_ends_a_response() -> None:
    """The response does not look complete, and its connection is closed."""
    response = sse(TEXT, asyncio.Event())
    setup = relay_setup(response, exchange_s=1)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    assert isinstance(response.stream, ScriptedBody)
    assert response.stream.closed
    assert (await setup.envelope()).outcome is Outcome.TIMED_OUT


async def test_the_limit_ends_a_request() -> None:
    """A client that never sends the rest of its body gets a 504."""
    setup = relay_setup(exchange_s=0.1)
    client = RelayClient(setup.relay, ASK[:5], headers={"content-length": "100"})
    client.body_is_whole = False
    await client.run()
    assert client.status == 504
    assert (await setup.envelope()).outcome is Outcome.TIMED_OUT
