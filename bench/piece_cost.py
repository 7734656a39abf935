"""`python -m bench.piece_cost`: CPU of the relay for each piece of a stream, in microseconds.

Client, upstream and stores are in memory, so everything but the relay itself costs next to nothing.
Compare only figures of one run: run two versions by turns.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, Final

import httpx

from bench.errors import BenchError
from shared.adapters.identity.credentials import KeyCredential
from shared.adapters.upstream.sender import RequestSender
from shared.core.content.policy import ContentPolicy
from shared.core.records.exchange.envelope import Envelope
from shared.core.wire.request import routing
from shared.relay.body_memory import CaptureMemory
from shared.relay.recorder import Recorder
from shared.relay.relay_context import RelayContext
from shared.relay.relay_response import RelayResponse
from shared.settings.settings import InterventionSettings, LimitSettings, UpstreamSettings

LONG: Final = 20_500  # pieces of the two streams whose difference counts
SHORT: Final = 500
ROUNDS: Final = 7
PATH: Final = "/openai/deployments/gpt-4o/chat/completions"
REQUEST: Final = b'{"stream":true}'
PIECE: Final = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":" word"}}],"model":"gpt-4o"}\n\n'
)
END: Final = b"data: [DONE]\n\n"
UNTOUCHED: Final = InterventionSettings(
    ask_for_usage=False, error_frames=False, keep_alive_s=0, early_response_after_s=0
)
LIMITS: Final = LimitSettings(
    exchange_s=600,
    request_body_bytes=1_000_000,
    recording_wait_s=60,
    capture_memory_bytes=100_000_000,
    request_memory_bytes=1_000_000,
    drain_s=0,
    drain_bytes=0,
)
UPSTREAM: Final = UpstreamSettings(
    base_url="https://contoso.openai.azure.com",
    key="key",
    scope="",
    api_version="2024-10-21",
    region=None,
    connect_timeout_s=60,
    write_timeout_s=60,
    read_timeout_s=60,
    max_connections=1,
)


class Stream(httpx.AsyncByteStream):
    """A body of equal pieces."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._count):
            yield PIECE
        yield END


class NoStore:
    """A store that takes everything and keeps nothing."""

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        pass

    async def put_if_absent(self, name: str, data: bytes) -> None:
        pass

    async def stage(self, name: str, block: int, data: bytes) -> None:
        pass

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        pass

    async def erase(self, name: str) -> bool:
        return False

    async def begins_with(self, name: str, data: bytes) -> bool:
        return False


class LastEnvelope:
    """A queue that keeps its last envelope."""

    def __init__(self) -> None:
        self.envelope: Envelope | None = None

    async def put(self, envelope: Envelope) -> None:
        self.envelope = envelope


def piece_cost_us(interventions: InterventionSettings, *, rounds: int = ROUNDS) -> float:
    """The lowest of the rounds: what else runs on the machine only adds to it."""
    return min(
        (stream_cpu_s(interventions, LONG) - stream_cpu_s(interventions, SHORT))
        / (LONG - SHORT)
        * 1e6
        for _ in range(rounds)
    )


def stream_cpu_s(
    interventions: InterventionSettings, pieces: int, limits: LimitSettings = LIMITS
) -> float:
    """CPU seconds of one stream. Raises BenchError if it was not relayed to its end."""
    return asyncio.run(_relay(interventions, pieces, limits))


async def _relay(interventions: InterventionSettings, pieces: int, limits: LimitSettings) -> float:
    queue = LastEnvelope()
    recorder = Recorder(
        captures=NoStore(),
        envelopes=queue,
        memory=CaptureMemory(limits.capture_memory_bytes),
        give_up_after_s=limits.exchange_s,
    )
    context = RelayContext(
        upstream=RequestSender(
            UPSTREAM, httpx.MockTransport(_answer_with(pieces)), KeyCredential("key")
        ),
        recorder=recorder,
        limits=limits,
        interventions=interventions,
        default_api_version="2024-10-21",
        content_policy=ContentPolicy,
    )
    cpu_s = await _cpu_of_exchange(context, recorder)
    if queue.envelope is None or queue.envelope.sent_bytes != pieces * len(PIECE) + len(END):
        raise BenchError("the stream was not relayed to its end")
    return cpu_s


def _answer_with(pieces: int) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=Stream(pieces))

    return answer


async def _cpu_of_exchange(context: RelayContext, recorder: Recorder) -> float:
    """CPU seconds until the client has the whole response and the exchange is recorded."""
    scope = {
        "type": "http",
        "method": "POST",
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [(b"content-length", str(len(REQUEST)).encode())],
    }
    operation = routing.route("POST", PATH)
    assert isinstance(operation, routing.Operation)
    requests = [{"type": "http.request", "body": REQUEST, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if requests:
            return requests.pop()
        await asyncio.Event().wait()
        raise AssertionError("the client stays")

    async def send(_: MutableMapping[str, Any]) -> None:
        pass

    response = RelayResponse(context, scope, operation)
    gc.collect()
    gc.disable()
    began = time.process_time()
    try:
        await response(scope, receive, send)
        while recorder.running:
            await asyncio.wait(set(recorder.running))
        return time.process_time() - began
    finally:
        gc.enable()


def main() -> None:
    """Print the figures."""
    stream_cpu_s(UNTOUCHED, SHORT)
    print(f"{piece_cost_us(UNTOUCHED):.2f} us  a piece that passes")
    with_usage = replace(UNTOUCHED, ask_for_usage=True)
    print(f"{piece_cost_us(with_usage):.2f} us  a piece of a stream whose usage chunk is dropped")


if __name__ == "__main__":
    main()
