"""The whole way of a request: the embedded host's server and front, the route, the relay, with an
upstream and stores in memory.
"""

from __future__ import annotations

import asyncio
import functools
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import httpx
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from blueprints import relay as relay_blueprint
from emulators.functions_host.functions import HttpFunction
from emulators.functions_host.http_front import HttpFront
from emulators.functions_host.http_server import HttpConnection
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.routes import FunctionRoute
from emulators.functions_host.worker_library import (
    IndexedFunction,
    Invocation,
    InvocationResult,
    WorkerLibrary,
)
from shared.adapters.identity.credentials import KeyCredential
from shared.adapters.upstream.sender import RequestSender
from shared.core.content.policy import ContentPolicy
from shared.relay.body_memory import CaptureMemory
from shared.relay.recorder import Recorder
from shared.relay.relay_context import RelayContext
from tests.integration.support.exchanges import (
    LIMITS,
    UNTOUCHED,
    UPSTREAM,
    MemoryQueue,
    MemoryStore,
)

_KEY: Final = "the proxy's own"
_ENDS_WITHIN_S: Final = 20
_ANY_LENGTH: Final = 2**100
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_EXPECTED: Final = {b"100", b"200", b"400", b"404", b"405", b"413", b"414", b"431", b"501", b"503"}


def request(data: bytes) -> None:
    """Input that is not a request is refused; a request reaches the upstream as one, below
    /openai/, with the proxy's credential, and leaves nothing behind.
    """
    _shared_app().loop.run_until_complete(_shared_app().receive(data))


@functools.cache
def _shared_app() -> _ServedApp:
    return _ServedApp(asyncio.new_event_loop())


class _Library:
    """Takes the worker library's place: every invocation succeeds."""

    async def invoke(self, _: Invocation) -> InvocationResult:
        return InvocationResult(error=None)

    def forget_http(self, _: str) -> None:
        """Nothing was kept."""


class _ServedApp:
    """The app, made once; each input is a connection of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._calls: list[httpx.Request] = []
        self._store, self._envelopes = MemoryStore(), MemoryQueue()
        self._memory = CaptureMemory(2**28)
        self._recorder = Recorder(
            captures=self._store,
            envelopes=self._envelopes,
            memory=self._memory,
            give_up_after_s=_ENDS_WITHIN_S,
        )
        self._relay = RelayContext(
            upstream=RequestSender(
                UPSTREAM, httpx.MockTransport(self._answer), KeyCredential(_KEY)
            ),
            recorder=self._recorder,
            limits=replace(LIMITS, exchange_s=_ENDS_WITHIN_S / 2),
            interventions=replace(UNTOUCHED, ask_for_usage=True, error_frames=True),
            default_api_version="1",
            content_policy=ContentPolicy,
        )
        self._config = uvicorn.Config(
            cast("Any", self._front()),
            http=HttpConnection,
            log_config=None,
            log_level="critical",
            lifespan="off",
        )
        self._state = ServerState()

    def _front(self) -> HttpFront:
        library = cast("WorkerLibrary", _Library())
        function = HttpFunction(
            function=IndexedFunction(
                name="openai", function_id="1", bindings=(), has_retry_policy=False
            ),
            parameter="req",
            route=FunctionRoute.parse("openai", "{*path}"),
            methods=(),
        )
        invocations = Invocations(
            library, timeout_s=None, replace_worker=lambda: None, verbose=False
        )
        app = cast("Any", self._app)
        return HttpFront([function], library, app, invocations, max_request_body_bytes=_ANY_LENGTH)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = relay_blueprint.respond(Request(scope, receive), self._relay)
        await response(scope, receive, send)

    async def _answer(self, received: httpx.Request) -> httpx.Response:
        await received.aread()
        self._calls.append(received)
        return httpx.Response(200, json={"choices": []})

    async def receive(self, data: bytes) -> None:
        """A connection that brings this, in two pieces, and ends."""
        self._calls.clear()
        transport = _Transport()
        connection = HttpConnection(self._config, self._state, {}, self.loop)
        connection.connection_made(transport)
        at = data[0] if data else 0
        for piece in (data[1 : 1 + at], data[1 + at :]):
            if piece and not transport.closing:
                connection.data_received(piece)
                await asyncio.sleep(0)
        while self._state.tasks and transport.reading and not connection.cycle.more_body:
            await asyncio.wait(set(self._state.tasks), timeout=_ENDS_WITHIN_S)
        connection.connection_lost(None)
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while self._state.tasks or self._recorder.running:
                await asyncio.wait({*self._state.tasks, *self._recorder.running})
        self._check(bytes(transport.written))
        self._store.blobs.clear()
        self._envelopes.queued.clear()

    def _check(self, written: bytes) -> None:
        assert set(_STATUS.findall(written)) <= _EXPECTED, written[:200]
        for call in self._calls:
            target = call.extensions["target"]
            assert target.startswith(b"/openai/"), target
            assert all(0x20 < byte < 0x7F for byte in target), target
            assert call.headers.get_list("api-key") == [_KEY]
            assert "cookie" not in call.headers
            assert "authorization" not in call.headers
        assert (self._memory.used_bytes, self._relay.body_memory.used_bytes) == (0, 0)


@dataclass
class _Transport(asyncio.Transport):
    """Keeps what is written."""

    written: bytearray = field(default_factory=bytearray)
    closing: bool = False
    reading: bool = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)}.get(name, default)
