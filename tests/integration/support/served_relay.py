"""The relay on a real HTTP server (uvicorn on httptools, as in the worker) and real sockets, in
front of the stand-in or a tiny server.

Captures and envelopes stay in memory, so that a test can look at them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from openai import AsyncAzureOpenAI, AzureOpenAI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from blueprints import relay as relay_blueprint
from harness.stand_in_process import StandIn
from shared.adapters.http_client.transport import AiohttpTransport
from shared.adapters.identity.credentials import KeyCredential
from shared.adapters.upstream.sender import RequestSender
from shared.core.content.policy import ContentPolicy
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import Envelope
from shared.relay.body_memory import CaptureMemory
from shared.relay.recorder import Recorder
from shared.relay.relay_context import RelayContext
from shared.settings.settings import InterventionSettings
from tests.integration.support.exchanges import (
    DEADLINE_S,
    LIMITS,
    UPSTREAM,
    MemoryQueue,
    MemoryStore,
)
from tests.integration.support.tiny_server import TinyServer

API_VERSION = "2024-10-21"
AS_SHIPPED = InterventionSettings(
    ask_for_usage=True, error_frames=True, keep_alive_s=15, early_response_after_s=100
)


@dataclass
class SignallingQueue(MemoryQueue):
    """A queue in memory that signals its first envelope."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, envelope: Envelope) -> None:
        await super().put(envelope)
        self.arrived.set()


@dataclass
class ServedRelay:
    """A running relay, with the captures and envelopes that it recorded."""

    url: str
    store: MemoryStore
    envelopes: SignallingQueue
    memory: CaptureMemory
    recorder: Recorder

    async def envelope(self) -> Envelope:
        """The newest envelope, once everything is recorded."""
        async with asyncio.timeout(DEADLINE_S):
            await self.envelopes.arrived.wait()
            await self.all_recorded()
        return self.envelopes.queued[-1]

    async def all_recorded(self) -> None:
        """Returns when nothing is being recorded."""
        while self.recorder.running:
            await asyncio.wait(set(self.recorder.running))

    async def captured_body(self) -> bytes:
        """The newest answer's capture."""
        name = (await self.envelope()).response_capture
        assert name is not None
        return capture.load(self.store.blobs[name]).body

    def client(self, **options: Any) -> AzureOpenAI:
        """The official SDK, which does not try twice."""
        return AzureOpenAI(
            azure_endpoint=self.url,
            api_key="callers",
            api_version=API_VERSION,
            max_retries=0,
            **options,
        )

    def async_client(self, **options: Any) -> AsyncAzureOpenAI:
        """An asynchronous SDK client of the relay."""
        return AsyncAzureOpenAI(
            azure_endpoint=self.url,
            api_key="callers",
            api_version=API_VERSION,
            max_retries=0,
            **options,
        )


@asynccontextmanager
async def serve_relay(
    upstream: StandIn | TinyServer,
    *,
    read_timeout_s: float = DEADLINE_S,
    limits: dict[str, float] | None = None,
    store: MemoryStore | None = None,
    in_front: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **interventions: Any,
) -> AsyncIterator[ServedRelay]:
    """A relay with these settings, and those that it is shipped with. `in_front`: puts something
    between server and relay.
    """
    transport = AiohttpTransport(max_connections=100)
    settings = replace(UPSTREAM, base_url=upstream.url, read_timeout_s=read_timeout_s)
    store, envelopes, memory = store or MemoryStore(), SignallingQueue(), CaptureMemory(256 * 2**20)
    recorder = Recorder(
        captures=store, envelopes=envelopes, memory=memory, give_up_after_s=DEADLINE_S
    )
    context = RelayContext(
        upstream=RequestSender(settings, transport, KeyCredential("own")),
        recorder=recorder,
        limits=replace(LIMITS, **{"request_body_bytes": 100 * 2**20, **(limits or {})}),  # type: ignore[arg-type]
        interventions=replace(AS_SHIPPED, **interventions),
        default_api_version=API_VERSION,
        content_policy=ContentPolicy,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await relay_blueprint.respond(Request(scope, receive), context)(scope, receive, send)

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            in_front(app),
            http="httptools",
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield ServedRelay(
            f"http://127.0.0.1:{listening.getsockname()[1]}", store, envelopes, memory, recorder
        )
    finally:
        server.should_exit = True
        await serving
        await transport.aclose()
    assert memory.used_bytes == 0, "memory of captures was not given back"
