"""A client that disconnects, at each turn of the event loop from its request to the end of its
response: never without a record.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from harness.schema import valid
from shared.core.event.builder import build
from shared.core.event.shape import dump
from shared.core.records.exchange.capture import load
from shared.core.records.exchange.outcome import Outcome
from tests.integration.support.exchanges import (
    DEADLINE_S,
    RelayClient,
    ScriptedBody,
    event_of,
    relay_setup,
)
from tests.integration.support.served_relay import AS_SHIPPED

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]
ASK = b'{"stream": true, "messages": ["hi"]}'
AUDIO = "/openai/deployments/whisper/audio/transcriptions"
CHAT = "/openai/deployments/gpt-4o/chat/completions"
TEXT = event_of(choices=[{"index": 0, "delta": {"content": "hello"}}])
STOP = event_of(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
STREAM = (
    TEXT[:20],
    TEXT[20:],
    TEXT,
    STOP,
    event_of(choices=[], usage={"total_tokens": 3}),
    b"data: [DONE]\n\n",
)
TURNS = 60  # more than any of these exchanges takes


class SlowBody(ScriptedBody):
    """A body whose pieces come a turn apart."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in super().__aiter__():
            await asyncio.sleep(0)
            yield piece


@pytest.mark.parametrize("required", [False, True], ids=["best_effort", "required"])
@pytest.mark.parametrize("cancelled", [False, True], ids=["reported", "cancelled"])
@pytest.mark.parametrize("path", [CHAT, AUDIO])
async def test_a_client_may_disconnect_at_any_moment(
    path: str, *, cancelled: bool, required: bool
) -> None:
    """Reported by the server, or as the Functions host does it: by cancelling the response. There
    is one record, and nothing is kept.
    """
    outcomes: set[Outcome] = set()
    for turns in range(1, TURNS):
        upstream = httpx.Response(
            200, headers={"content-type": "text/event-stream"}, stream=SlowBody(*STREAM)
        )
        interventions = replace(AS_SHIPPED, early_response_after_s=0.001)
        setup = relay_setup(
            upstream, interventions=interventions, capture_required=required, recording_wait_s=0.01
        )
        client = RelayClient(setup.relay, ASK[:9], ASK[9:], path=path)
        running = client.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        if cancelled:
            running.cancel()
        else:
            client.disconnect()
        await asyncio.wait({running}, timeout=DEADLINE_S)
        assert running.done()
        envelope = await setup.envelope()
        outcomes.add(envelope.outcome)
        names = (envelope.request_capture, envelope.response_capture)
        request, response = (load(setup.store.blobs[name]) if name else None for name in names)
        assert request is not None
        assert ASK.startswith(request.body)
        assert b"".join(STREAM).startswith(response.body if response else b"")
        assert (envelope.outcome is Outcome.COMPLETED) is (
            response is not None and STOP in response.body
        )
        valid(json.loads(dump(build(envelope, request, response, None))))
    assert outcomes == {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}
