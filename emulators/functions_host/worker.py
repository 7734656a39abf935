"""The worker process: indexes the app, serves HTTP on the inherited socket, runs the triggers.

Only `supervision` starts it. On "drain" it accepts no new work, and reports when all running work
has ended. Then the parent kills it, so that no signal handler or atexit of the app runs, as with
the real host. It ends when the parent dies.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from emulators.functions_host import tested_versions
from emulators.functions_host.console import install_logging, say
from emulators.functions_host.control import CUT, DRAIN, DRAINED, EXIT_START_ERROR, READY
from emulators.functions_host.durable.functions import CLIENT
from emulators.functions_host.functions import AppFunctions, sort_functions
from emulators.functions_host.host_json import read_host_json
from emulators.functions_host.http_front import HttpFront
from emulators.functions_host.http_server import HttpConnection
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.triggers import Trigger, TriggerOpener
from emulators.functions_host.unsupported import StartError, Unsupported
from emulators.functions_host.worker_library import AsgiApp, TypedData, WorkerLibrary, load

if TYPE_CHECKING:
    from collections.abc import Iterator

# The real host's worker is gone 45-70 ms after the last response ended.
_LAST_MOMENT_S: Final = 0.05


class _Orders:
    """The orders of the parent process."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()  # accept no new work
        self.cut = asyncio.Event()  # abort the responses that still run


class _WorkerServer(uvicorn.Server):
    """uvicorn without its signal handlers: the parent decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def drain(self) -> None:
        """Accept no more connections and wait until the last response is written."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.005)

    def cut(self) -> None:
        """Abort the responses that still run."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def main() -> None:
    """Run the worker until the parent kills it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--app-dir", type=Path, required=True)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--first-start", action="store_true")
    options = parser.parse_args()
    # a signal may reach the whole process group; the parent decides
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.chdir(options.app_dir)
    control = socket.socket(fileno=options.control_fd)
    listening = socket.socket(fileno=options.socket_fd)
    try:
        asyncio.run(_work(options, listening, control))
    except StartError as error:
        say(f"ERROR: {error}")
        sys.stdout.flush()
        os._exit(EXIT_START_ERROR)


async def _work(
    options: argparse.Namespace, listening: socket.socket, control: socket.socket
) -> None:
    orders = _Orders()
    _watch_parent(control, orders)
    host_json = read_host_json(options.app_dir / "host.json", os.environ)
    install_logging(host_json.log_level)
    if options.first_start and (untested := tested_versions.warning()):
        say(untested)
    library = await load(options.app_dir)
    functions = sort_functions(library.functions, os.environ, host_json.route_prefix)
    if options.first_start:
        _print_functions(functions, listening.getsockname())
    invocations = Invocations(
        library,
        timeout_s=host_json.function_timeout_s,
        replace_worker=_kill_self,
        verbose=host_json.function_log_level <= 20,
    )
    async with AsyncExitStack() as stack:
        opener = TriggerOpener(host_json, invocations, options.state_dir, stack)
        triggers = await opener.open(functions, first_start=options.first_start)
        origin = f"http://localhost:{listening.getsockname()[1]}"
        durable = opener.open_durable(
            functions, options.data_dir, origin, first_start=options.first_start
        )
        if durable:
            library.provide(CLIENT, TypedData(string=durable.client_binding))
            triggers.append(durable)
            if options.first_start:
                _print_where_instances_are(options.data_dir)
        server = _http_server(
            functions, library, invocations, durable.webhooks if durable else None
        )
        await _serve(server, triggers, listening, control, orders)


async def _serve(
    server: _WorkerServer,
    triggers: Sequence[Trigger],
    listening: socket.socket,
    control: socket.socket,
    orders: _Orders,
) -> None:
    """Run everything until the parent ends it. A trigger that fails ends the whole process."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(trigger.run()) for trigger in triggers]
        serving = group.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.005)
        control.send(READY)
        await orders.drain.wait()
        for trigger in triggers:
            trigger.stop()
        group.create_task(_cut(server, orders))
        await asyncio.gather(server.drain(), *running)
        await asyncio.sleep(_LAST_MOMENT_S)
        control.send(DRAINED)
        await serving  # forever: the parent kills this process now


async def _cut(server: _WorkerServer, orders: _Orders) -> None:
    await orders.cut.wait()
    server.cut()


def _http_server(
    functions: AppFunctions,
    library: WorkerLibrary,
    invocations: Invocations,
    webhooks: AsgiApp | None,
) -> _WorkerServer:
    app = library.http_app
    if app is None:
        if functions.http:
            raise Unsupported(
                "An HTTP function without the FastAPI extension (azurefunctions-extensions-http-fastapi)"
            )
        app = _no_http
    front = HttpFront(functions.http, library, app, invocations, webhooks)
    config = uvicorn.Config(
        front,
        http=HttpConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
    )
    return _WorkerServer(config)


async def _no_http(*_: object) -> None:
    raise AssertionError("no HTTP function, so no route leads here")


def _print_functions(functions: AppFunctions, address: tuple[str, int]) -> None:
    lines = ["", "Functions:", ""]
    for http in sorted(functions.http, key=lambda http: http.function.name.upper()):
        methods = f"[{','.join(http.methods)}] " if http.methods else ""
        lines += [
            f"\t{http.function.name}: {methods}http://localhost:{address[1]}/{http.route.template}",
            "",
        ]
    for name, trigger in sorted(functions.not_http(), key=lambda item: item[0].upper()):
        lines += [f"\t{name}: {trigger}", ""]
    print("\n".join(lines), flush=True)


def _print_where_instances_are(data_dir: Path | None) -> None:
    where = f"kept in {data_dir}" if data_dir else "end with this host (--data-dir keeps them)"
    say(f"Durable Functions: orchestrations {where}")


def _watch_parent(control: socket.socket, orders: _Orders) -> None:
    """Listen to the parent in a thread, so that it works even while the app blocks the
    event loop.
    """
    loop = asyncio.get_running_loop()

    def listen() -> None:
        events = {DRAIN: orders.drain, CUT: orders.cut}
        while message := control.recv(1):
            loop.call_soon_threadsafe(events[message].set)
        _kill_self()  # the parent is gone

    threading.Thread(target=listen, name="parent-watch", daemon=True).start()


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
