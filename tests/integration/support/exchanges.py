"""The relay driven as an ASGI server would drive it: a client, an upstream and stores, each under
the test's hand.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from azure.core.exceptions import ServiceRequestError

from shared.adapters.identity.credentials import KeyCredential
from shared.adapters.storage.errors import storage_errors
from shared.adapters.upstream.sender import Credential, RequestSender
from shared.core.content.policy import ContentPolicy
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.request import routing
from shared.core.wire.request.routing import Operation
from shared.relay.body_memory import CaptureMemory
from shared.relay.pending_outcomes import RETRY_INTERVAL_S
from shared.relay.recorder import Recorder
from shared.relay.relay_context import RelayContext
from shared.relay.relay_response import RelayResponse
from shared.settings.settings import InterventionSettings, LimitSettings, UpstreamSettings
from shared.settings.timeouts import SLOW_RECORDING_S, RelayTimeouts

DEADLINE_S = 60.0
CHAT = "/openai/deployments/gpt-4o/chat/completions"

LIMITS = LimitSettings(
    exchange_s=DEADLINE_S,
    request_body_bytes=1_000_000,
    recording_wait_s=DEADLINE_S,
    capture_memory_bytes=50_000_000,
    request_memory_bytes=50_000_000,
    drain_s=0,
    drain_bytes=100_000,
)
UNTOUCHED = InterventionSettings(
    ask_for_usage=False, error_frames=False, keep_alive_s=0, early_response_after_s=0
)

UPSTREAM = UpstreamSettings(
    base_url="https://contoso.openai.azure.com",
    key="the-proxys-key",
    scope="",
    api_version="2024-10-21",
    region=None,
    connect_timeout_s=1,
    write_timeout_s=1,
    read_timeout_s=1,
    max_connections=10,
)


@dataclass
class MemoryStore:
    """Captures in memory. `gate` holds every call up; `failing` makes each fail."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[tuple[str, int], bytes] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    failing: bool = False
    stored: asyncio.Event = field(default_factory=asyncio.Event)  # set with each blob

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        await self._pass()
        self.blobs[name] = b"".join(parts)
        self.stored.set()

    async def put_if_absent(self, name: str, data: bytes) -> None:
        await self._pass()
        self.blobs.setdefault(name, data)
        self.stored.set()

    async def exists(self, name: str) -> bool:
        await self._pass()
        return name in self.blobs

    async def begins_with(self, name: str, data: bytes) -> bool:
        return await self.exists(name) and self.blobs[name].startswith(data)

    async def erase(self, name: str) -> bool:
        await self._pass()
        for staged in [key for key in self.blocks if key[0] == name]:
            del self.blocks[staged]
        return self.blobs.pop(name, None) is not None

    async def stage(self, name: str, block: int, data: bytes) -> None:
        await self._pass()
        self.blocks[name, block] = data

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        await self._pass()
        self.blobs[name] = b"".join(self.blocks[name, block] for block in blocks)
        self.stored.set()

    async def _pass(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failing:
            with storage_errors():
                raise ServiceRequestError("AccountKey=secret at contoso.blob.core.windows.net")

    def captures(self, suffix: str) -> list[Capture]:
        return [capture.load(blob) for name, blob in self.blobs.items() if name.endswith(suffix)]


@dataclass
class MemoryQueue:
    """The queue, in memory."""

    queued: list[Envelope] = field(default_factory=list)
    failing: bool = False

    async def put(self, envelope: Envelope) -> None:
        if self.failing:
            with storage_errors():
                raise ServiceRequestError("AccountKey=secret at contoso.queue.core.windows.net")
        self.queued.append(envelope)


class ScriptedBody(httpx.AsyncByteStream):
    """An upstream's body under the test's hand: pieces, events to wait for, an exception to end
    with.
    """

    def __init__(self, *parts: bytes | asyncio.Event | Exception) -> None:
        self.parts = parts
        self.yielded_count = 0  # pieces handed out
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if isinstance(part, asyncio.Event):
                await part.wait()
            elif isinstance(part, Exception):
                raise part
            else:
                self.yielded_count += 1
                yield part

    async def aclose(self) -> None:
        self.closed = True


def sse(
    *parts: bytes | asyncio.Event | Exception, status: int = 200, **headers: str
) -> httpx.Response:
    """A chunked stream of events."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(
        status, headers={"content-type": "text/event-stream"} | named, stream=ScriptedBody(*parts)
    )


def document(body: bytes, *, status: int = 200, **headers: str) -> httpx.Response:
    """A JSON answer with a Content-Length."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fixed = {"content-type": "application/json", "content-length": str(len(body))}
    return httpx.Response(status, headers=fixed | named, stream=ScriptedBody(body))


class FakeUpstream:
    """Answers each request with the next of these; keeps the requests and their bodies."""

    def __init__(self, *responses: httpx.Response | Exception | asyncio.Event) -> None:
        self.transport = httpx.MockTransport(self._answer)
        self._answers = list(responses)
        self.requests: list[tuple[httpx.Request, bytes]] = []
        self.called = asyncio.Event()  # set with each request
        self.cancelled = False

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request, request.content))
        self.called.set()
        try:
            while isinstance(response := self._answers.pop(0), asyncio.Event):
                await response.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(response, Exception):
            raise response
        return response


class RelayClient:
    """One request and its response, as the ASGI server sees them."""

    def __init__(
        self,
        relay: RelayContext,
        *body: bytes,
        headers: Mapping[str, str] | None = None,
        path: str = CHAT,
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self.received = asyncio.Event()  # set with each message, in either direction
        self.pieces = list(body)
        self._gone = asyncio.Event()
        self.body_is_whole = True
        self.disconnect_reported = False  # to the app
        named = {"content-length": str(sum(map(len, body)))} if headers is None else headers
        scope = {
            "type": "http",
            "method": "POST",
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        operation = routing.route("POST", path)
        assert isinstance(operation, Operation)
        self._response = RelayResponse(relay, scope, operation)
        self.exchange_id = self._response.observation.exchange_id
        self._scope = scope

    async def _receive(self) -> dict[str, Any]:
        if self.pieces:
            piece = self.pieces.pop(0)
            return {
                "type": "http.request",
                "body": piece,
                "more_body": bool(self.pieces) or not self.body_is_whole,
            }
        await self._gone.wait()
        self.disconnect_reported = True
        self.received.set()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":  # whatever the response, it has the one id
            assert [value for name, value in message["headers"] if name == b"x-exchange-id"] == [
                self.exchange_id.encode()
            ]
        self.messages.append(dict(message))
        self.received.set()

    def disconnect(self) -> None:
        self._gone.set()

    async def disconnect_and_be_noticed(self) -> None:
        """Disconnects; returns when the app knows."""
        self.disconnect()
        async with asyncio.timeout(DEADLINE_S):
            while not self.disconnect_reported:
                self.received.clear()
                await self.received.wait()

    def start(self) -> asyncio.Task[None]:
        """The exchange, running."""
        return asyncio.create_task(self._response(self._scope, self._receive, self._send))

    async def run(self) -> None:
        """The exchange, to its end."""
        async with asyncio.timeout(DEADLINE_S):
            await self._response(self._scope, self._receive, self._send)

    async def until_body(self, body: bytes) -> None:
        """Returns when exactly these bytes of a body have come back."""
        async with asyncio.timeout(DEADLINE_S):
            while self.body != body:
                self.received.clear()
                await self.received.wait()

    @property
    def status(self) -> int | None:
        return self.messages[0]["status"] if self.messages else None

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def ended(self) -> bool:
        """Whether the app has sent the last message of the response."""
        return bool(self.messages) and self.messages[-1].get("more_body") is False


@dataclass
class RelaySetup:
    """A relay with everything around it."""

    upstream: FakeUpstream
    relay: RelayContext
    recorder: Recorder
    memory: CaptureMemory
    store: MemoryStore
    envelopes: MemoryQueue

    async def envelope(self) -> Envelope:
        """The one envelope, once it is there and all is recorded."""
        await self.wait_until_recorded()
        assert len(self.envelopes.queued) == 1
        return self.envelopes.queued[0]

    async def wait_until_recorded(self) -> None:
        """Returns when nothing is being recorded and all capture memory is free."""
        async with asyncio.timeout(DEADLINE_S):
            while self.recorder.running:
                await asyncio.wait(set(self.recorder.running))
        assert self.memory.used_bytes == 0, "memory of captures was not given back"


# A relay, what its client does, and the outcome that follows.
type RelayCase = tuple[Callable[[], RelaySetup], Callable[[RelaySetup], Awaitable[None]], Outcome]


def relay_setup(
    *responses: httpx.Response | Exception | asyncio.Event,
    interventions: InterventionSettings = UNTOUCHED,
    store: MemoryStore | None = None,
    envelopes: MemoryQueue | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    base_url: str = UPSTREAM.base_url,
    credential: Credential | None = None,
    retry_interval_s: float = RETRY_INTERVAL_S,
    give_up_after_s: float = DEADLINE_S,
    content_mode: ContentMode = ContentMode.FULL,
    timeouts: RelayTimeouts | None = None,
    slow_after_s: float = SLOW_RECORDING_S,
    **limits: float,
) -> RelaySetup:
    """`transport` and `base_url` put a real upstream in the place of `responses`."""
    upstream = FakeUpstream(*responses)
    upstream_credential = credential or KeyCredential("the-proxys-key")
    stored, queued = store or MemoryStore(), envelopes or MemoryQueue()
    bounds: LimitSettings = replace(LIMITS, **limits)  # type: ignore[arg-type]  # each is a number
    memory = CaptureMemory(bounds.capture_memory_bytes)
    recorder = Recorder(
        captures=stored,
        envelopes=queued,
        memory=memory,
        retry_interval_s=retry_interval_s,
        give_up_after_s=give_up_after_s,
        slow_after_s=slow_after_s,
    )
    relay = RelayContext(
        upstream=RequestSender(
            replace(UPSTREAM, base_url=base_url),
            transport or upstream.transport,
            upstream_credential,
        ),
        recorder=recorder,
        limits=bounds,
        interventions=interventions,
        default_api_version="2024-10-21",
        content_policy=lambda: ContentPolicy(default=content_mode),
        timeouts=timeouts,
    )
    return RelaySetup(upstream, relay, recorder, memory, stored, queued)


def event_of(**chunk: Any) -> bytes:
    """One SSE event with this JSON."""
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


# A request for a stream, and the events of its response.
ASK = b'{"stream": true, "messages": []}'
TEXT = event_of(choices=[{"index": 0, "delta": {"content": "hello"}}])
STOP = event_of(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
DONE = b"data: [DONE]\n\n"
