"""`python -m view`: serve the page until Ctrl-C or SIGTERM.

Exit code 0 after a signal, 1 if the port is taken, 2 for wrong options or settings.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import uvicorn

from shared import rate_files
from shared.core.cost.rates import RateCard
from shared.core.wire.json.json_shape import JsonObject
from view.errors import OptionsError
from view.exchange.received_event import ReceivedEvent
from view.options import ViewOptions, parse
from view.server.app import build
from view.server.app_client import AppClient
from view.server.delivery import DeliveryStatus
from view.server.live import Live
from view.server.services import Services
from view.sources.captures import CaptureSource
from view.sources.event_hub import EventFeed
from view.store import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve. Returns the exit code."""
    try:
        options = parse(arguments, os.environ)
    except OptionsError as error:
        print(f"view: {error}", file=sys.stderr)
        return 2
    try:
        listener = _listen(options)
    except OSError as error:
        print(
            f"view: cannot listen on {options.host} port {options.port}: {error.strerror}. Choose another port with --port",
            file=sys.stderr,
        )
        return 1
    with listener, _store_file(options) as file, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options, listener, file))
    return 0


def _listen(options: ViewOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family)


@contextlib.contextmanager
def _store_file(options: ViewOptions) -> Iterator[Path]:
    """The file that was asked for, or one that is removed at the end: it holds prompts."""
    if options.store is not None:
        yield options.store
        return
    with tempfile.TemporaryDirectory(prefix="fnsse-view-") as folder:
        yield Path(folder) / "exchanges.sqlite"


async def _serve(options: ViewOptions, listener: socket.socket, file: Path) -> None:
    token = None if options.is_loopback else secrets.token_urlsafe(24)
    card = rate_files.read_card()
    store = Store(file, max_exchanges=options.max_exchanges, card=card)
    try:
        await _run(options, store, card, listener, token)
    finally:
        store.close()


async def _run(
    options: ViewOptions,
    store: Store,
    card: RateCard,
    listener: socket.socket,
    token: str | None,
) -> None:
    async def on_events(events: Sequence[ReceivedEvent], positions: Mapping[str, int]) -> None:
        live.publish(await asyncio.to_thread(store.add, events, positions))

    feed = EventFeed(
        options.event_hub,
        on_events,
        positions={} if options.mode == "local" else store.positions(),
        since_minutes=options.since_minutes,
    )
    app = AppClient(options.app) if options.app else None
    delivery = DeliveryStatus(app)
    live = Live(lambda: _status(feed, store, delivery))
    services = Services(
        options=options,
        store=store,
        live=live,
        captures=CaptureSource(options.captures) if options.captures else None,
        app=app,
        card=card,
    )
    config = uvicorn.Config(build(services, token=token), log_level="warning", lifespan="off")
    server = _Server(config, live)
    running = [asyncio.create_task(task) for task in (feed.run(), delivery.run())]
    print(f"view ready: {_address(options, listener, token)}", flush=True)
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await services.aclose()


class _Server(uvicorn.Server):
    """Ends the streams of open pages first: uvicorn waits for all answers to end."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at SIGINT and SIGTERM, and exit as after any other end: uvicorn's own handler raises
        the signal again.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the server and the feed."""
        self._live.close()
        await super().shutdown(sockets)


def _address(options: ViewOptions, listener: socket.socket, token: str | None) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    query = "" if token is None else f"?token={token}"
    return f"http://{host}:{listener.getsockname()[1]}/{query}"


def _status(feed: EventFeed, store: Store, delivery: DeliveryStatus) -> JsonObject:
    state = feed.state
    return {
        "hub": {
            "state": state.state,
            "error": state.error,
            "received": state.received,
            "last_at": state.last_at,
        },
        "stored": store.count(()),
        "ops": delivery.latest,
        "completeness": delivery.completeness,
    }


if __name__ == "__main__":
    sys.exit(main())
