"""An exchange leaves nothing to the garbage collector, which stops every stream of a worker while
it looks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from harness.stand_in_process import CHAT, STREAM, StandIn, running
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.relay_response import RelayResponse
from tests.integration.support.exchanges import DEADLINE_S
from tests.integration.support.served_relay import serve_relay

pytestmark = pytest.mark.anyio
TRANSCRIPTION = "/openai/deployments/whisper/audio/transcriptions"
CALLS: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"json": STREAM}),
    (CHAT, {"json": {"messages": []}}),
    (TRANSCRIPTION, {"files": {"file": ("a.wav", b"RIFF")}}),
]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running() as started:
        yield started


@contextlib.asynccontextmanager
async def not_collecting() -> AsyncIterator[list[object]]:
    """Gives what other tests have left, such as in a failure that is to be reported."""
    gc.collect()
    gc.disable()
    try:
        yield exchanges()
    finally:
        gc.enable()


def exchanges() -> list[object]:
    return [
        item for item in gc.get_objects() if isinstance(item, RelayResponse | ExchangeObservation)
    ]


async def remaining_exchanges(before: list[object]) -> list[object]:
    """The exchanges that remain once the tasks that the last step woke have taken theirs."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [exchange for exchange in exchanges() if not any(exchange is known for known in before)]


ENDINGS = [
    "chunks=3",
    "status=429",
    "reset_before_headers",
    "headers_ms=200",
    "headers_ms=200;reset_before_headers",
]
BROKEN = ["reset_after=3;chunk_ms=20", "end_after=3", "silence_after=3", "silence"]


@pytest.mark.parametrize("directives", ENDINGS + BROKEN)
async def test_however_a_call_ended(stand_in: StandIn, directives: str) -> None:
    """Nothing of a finished call stays for the garbage collector: prompts of up to 100 MB would
    fill the memory while an upstream is down.
    """
    async with (
        serve_relay(
            stand_in, read_timeout_s=0.3, keep_alive_s=0.05, early_response_after_s=0.1
        ) as relay,
        not_collecting() as before,
    ):
        async with httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client:
            for target, options in CALLS:
                with contextlib.suppress(httpx.RemoteProtocolError):
                    await client.post(target, **options, headers={"x-stand-in": directives})
        await relay.all_recorded()
        assert await remaining_exchanges(before) == []


async def test_a_disconnect_leaves_nothing(stand_in: StandIn) -> None:
    async with (
        serve_relay(stand_in) as relay,
        not_collecting() as before,
        httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client,
    ):
        async with client.stream(
            "POST", CHAT, json=STREAM, headers={"x-stand-in": "silence_after=3"}
        ) as response:
            await anext(response.aiter_raw())
        await relay.envelope()
        assert await remaining_exchanges(before) == []
