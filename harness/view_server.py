"""The page's server, for tests: in a thread, with a store that holds given events, no Event Hub."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import uvicorn

from harness.waiting import poll_until
from shared import rate_files
from shared.core.wire.json.json_shape import JsonObject
from view.exchange.received_event import ReceivedEvent
from view.options import ViewOptions, parse
from view.server.app import build
from view.server.app_client import AppClient
from view.server.live import Live
from view.server.page_files import PAGE
from view.server.services import Services
from view.sources.captures import CaptureSource
from view.store import Store

_HUB: Final = {
    "AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://none/",
    "AZURE_EVENTHUB_NAME": "openai-logs",
}
STATUS: Final[JsonObject] = {
    "hub": {"state": "receiving", "error": None, "received": 0, "last_at": None},
    "stored": 0,
    "ops": None,
    "completeness": None,
}


class ViewServer:
    """Serves in a thread with an event loop of its own."""

    def __init__(self, services: Services, *, token: str | None, page: Path) -> None:
        self.services = services
        self._server = uvicorn.Server(
            uvicorn.Config(
                build(services, token=token, page=page), log_level="warning", lifespan="off"
            )
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="view-server", daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def add(self, *events: JsonObject) -> None:
        """Events arrive: the store has them, and pages that follow get their rows."""
        received = [ReceivedEvent(event=event, enqueued_ms=None) for event in events]
        added = self.services.store.add(received)
        self._loop.call_soon_threadsafe(self.services.live.publish, added)

    def start(self) -> None:
        """Returns when it serves."""
        self._thread.start()
        poll_until(lambda: self._server.started, "the page's server serves")

    def stop(self) -> None:
        """End it, and the streams of pages that follow."""
        self._loop.call_soon_threadsafe(self.services.live.close)
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])
        await self.services.aclose()


@contextlib.contextmanager
def view_server(
    events: Sequence[JsonObject] = (),
    *,
    arguments: Sequence[str] = ("--local",),
    environment: Mapping[str, str] | None = None,
    token: str | None = None,
    page: Path = PAGE,
    completeness: JsonObject | None = None,
) -> Iterator[ViewServer]:
    """`arguments` and `environment` are those of `python -m view`, without an Event Hub.
    `completeness`: that of the app's `/ops/status`.
    """
    options = parse(arguments, {**_HUB, **(environment or {})})
    with tempfile.TemporaryDirectory(prefix="fnsse-view-") as folder:
        services = _services(
            options, Path(folder) / "view.sqlite", {**STATUS, "completeness": completeness}
        )
        services.store.add([ReceivedEvent(event=event, enqueued_ms=None) for event in events])
        server = ViewServer(services, token=token, page=page)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            services.store.close()


def _services(options: ViewOptions, file: Path, status: JsonObject) -> Services:
    card = rate_files.read_card()
    store = Store(file, max_exchanges=options.max_exchanges, card=card)
    return Services(
        options=options,
        store=store,
        live=Live(lambda: {**status, "stored": store.count(())}),
        captures=CaptureSource(options.captures) if options.captures else None,
        app=AppClient(options.app) if options.app else None,
        card=card,
    )
